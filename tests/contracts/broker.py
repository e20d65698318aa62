"""The contract of every broker; subclasses provide `under_test`."""

import queue
from collections.abc import Callable
from dataclasses import dataclass

from narration.broker.interface import MISSED, Broker, Handler, Task

WAIT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnderTest:
    """A broker, and the function that makes it call handlers."""

    broker: Broker
    listen: Callable[[dict[Task, Handler]], None]


class BrokerContract:
    """Messages arrive with their ids, each on its queue."""

    def test_message_arrives_with_its_ids(self, under_test: BrokerUnderTest) -> None:
        received: queue.Queue[tuple[str, ...]] = queue.Queue()
        under_test.listen(
            {Task.PLAN: lambda *ids: received.put(ids), Task.RENDER: lambda: received.put(())}
        )
        under_test.broker.send(Task.PLAN, "job_1")
        assert received.get(timeout=WAIT_S) == ("job_1",)
        under_test.broker.send(Task.RENDER)
        assert received.get(timeout=WAIT_S) == ()

    def test_task_that_fails_does_not_stop_the_next(self, under_test: BrokerUnderTest) -> None:
        received: queue.Queue[str] = queue.Queue()

        def handle(job_id: str) -> None:
            if job_id == "bad":
                raise ZeroDivisionError
            received.put(job_id)

        under_test.listen({Task.PLAN: handle})
        under_test.broker.send(Task.PLAN, "bad")
        under_test.broker.send(Task.PLAN, "good")
        assert received.get(timeout=WAIT_S) == "good"

    def test_broker_that_is_there_says_so(self, under_test: BrokerUnderTest) -> None:
        under_test.broker.check()

    def test_notices_reach_every_subscriber_until_it_closes(
        self, under_test: BrokerUnderTest
    ) -> None:
        heard: list[queue.Queue[str]] = [queue.Queue(), queue.Queue()]
        subscriptions = [under_test.broker.subscribe(each.put) for each in heard]
        assert None not in subscriptions
        for each in heard:
            _publish_until_heard(under_test.broker, each)
        under_test.broker.publish(["job_1 Ann of the Hill", "job_2 bob"])
        for each in heard:
            assert _heard(each, 2) == ["job_1 Ann of the Hill", "job_2 bob"]
        first, second = subscriptions
        assert first is not None
        assert second is not None
        first.close()
        under_test.broker.publish(["job_3 ann"])
        assert _heard(heard[1], 1) == ["job_3 ann"]
        assert heard[0].empty()
        second.close()


def _publish_until_heard(broker: Broker, heard: "queue.Queue[str]") -> None:
    """Wait for the first notice: a subscription takes a moment, and misses none after that."""
    for _ in range(100):
        broker.publish(["ready"])
        try:
            while heard.get(timeout=0.2) != "ready":
                pass
        except queue.Empty:
            continue
        return
    raise AssertionError("nothing was heard")


def _heard(heard: "queue.Queue[str]", count: int) -> list[str]:
    notices: list[str] = []
    while len(notices) < count:
        notice = heard.get(timeout=WAIT_S)
        notices += [notice] if notice not in {"ready", MISSED} else []
    return notices
