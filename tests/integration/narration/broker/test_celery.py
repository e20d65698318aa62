import queue
import threading
from collections.abc import Iterator

import pytest
from celery.contrib.testing.worker import start_worker

from narration.broker.celery import CeleryBroker, listen, make_celery
from narration.broker.first_sounds import FirstSound, FirstSoundSender, Waiting
from narration.broker.interface import MISSED, Handler, Task
from narration.errors import BrokerUnavailable
from narration.settings import BrokerSettings
from tests.cluster import wait_for
from tests.contracts.broker import WAIT_S, BrokerContract, BrokerUnderTest
from tests.servers import Valkey


class TestCelery(BrokerContract):
    @pytest.fixture
    def under_test(self, valkey: Valkey) -> Iterator[BrokerUnderTest]:
        valkey.client().flushall()  # from earlier tests: no worker of this test knows their tasks
        app = make_celery(valkey.url, BrokerSettings())
        workers = []

        def hear(handlers: dict[Task, Handler]) -> None:
            listen(app, handlers)
            worker = start_worker(
                app, pool="solo", perform_ping_check=False, queues=["cpu", "gpu"], loglevel="ERROR"
            )
            worker.__enter__()
            workers.append(worker)

        yield BrokerUnderTest(broker=CeleryBroker(app), listen=hear)
        for worker in workers:
            worker.__exit__(None, None, None)


def test_broker_that_is_away_is_unavailable() -> None:
    app = make_celery("redis+socket:///nowhere", BrokerSettings())
    with pytest.raises(BrokerUnavailable):
        CeleryBroker(app).check()
    with pytest.raises(BrokerUnavailable):
        CeleryBroker(app).send(Task.PLAN, "job_1")


def test_a_call_reaches_every_worker_that_answers_and_nobody_else(valkey: Valkey) -> None:
    broker = CeleryBroker(make_celery(valkey.url, BrokerSettings()))
    heard: list[queue.Queue[str]] = [queue.Queue(), queue.Queue()]
    followed: queue.Queue[str] = queue.Queue()
    lines = [broker.answer_calls(each.put) for each in heard]
    lines.append(broker.subscribe(followed.put))
    assert [each.get(timeout=WAIT_S) for each in (*heard, followed)] == [MISSED] * 3
    assert broker.call()
    assert [each.get(timeout=WAIT_S) for each in heard] == ["urgent"] * 2
    for line in lines:
        assert line is not None
        line.close()
    assert followed.empty()
    wait_for(lambda: not broker.call(), WAIT_S, "the end of the subscriptions")


def test_a_first_sound_reaches_every_process_that_hears_them(valkey: Valkey) -> None:
    broker = CeleryBroker(make_celery(valkey.url, BrokerSettings()))
    heard: list[queue.Queue[str]] = [queue.Queue(), queue.Queue()]
    lines = [broker.hear_first_sounds(each.put) for each in heard]
    assert [each.get(timeout=WAIT_S) for each in heard] == [MISSED] * 2
    waiting = Waiting(owner="ann", job_id="job_1", gain_db=-3.0, pause_after_ms=80)
    sound = FirstSound(waiting=waiting, level=b"\x00\xff", flac=bytes(range(256)) * 256)
    FirstSoundSender(valkey.url).send(sound)
    assert [FirstSound.unpack(each.get(timeout=WAIT_S)) for each in heard] == [sound] * 2
    for line in lines:
        assert line is not None
        line.close()


def test_message_carries_ids_only(valkey: Valkey) -> None:
    client = valkey.client()
    client.flushall()
    CeleryBroker(make_celery(valkey.url, BrokerSettings())).send(Task.PLAN, "job_1")
    (message,) = client.lrange("cpu", 0, -1)
    assert len(message) < 1500
    assert b"narration.plan" in message


def test_plans_go_before_parts_that_wait_to_be_encoded(valkey: Valkey) -> None:
    valkey.client().flushall()
    app = make_celery(valkey.url, BrokerSettings())
    broker, handled, is_done = CeleryBroker(app), list[Task](), threading.Event()

    def plan(_: str) -> None:
        handled.append(Task.PLAN)

    def encode() -> None:
        handled.append(Task.ENCODE)
        if len(handled) == 6:
            is_done.set()

    for _ in range(5):
        broker.send(Task.ENCODE)
    broker.send(Task.PLAN, "job_1")
    listen(app, {Task.PLAN: plan, Task.ENCODE: encode})
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["cpu"], loglevel="ERROR"):
        assert is_done.wait(20)
    assert handled[0] is Task.PLAN
