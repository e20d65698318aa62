"""Signed messages reach real receivers; receivers that misbehave harm only themselves."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from narration.api_settings import WebhookSettings
from narration.clock import utc_now
from narration.database import session_scope
from narration.webhooks import endpoints, log
from narration.webhooks.claims import DeliveryClaim
from narration.webhooks.deliveries import Attempt
from narration.webhooks.record import DeliveryState, WebhookDelivery
from tests.builders import WORDS
from tests.contracts.webhooks import make_webhook
from tests.harness import WorkerHarness
from tests.receiver import (
    LOOPBACK,
    Receiver,
    answering,
)
from worker.webhooks.runner import WebhookRunner, send_next
from worker.webhooks.sender import Sender

QUICK = WebhookSettings.model_validate(LOOPBACK | {"timeout_s": 1.0})


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path, webhooks=LOOPBACK)
    yield harness
    harness.close()


def send_all(harness: WorkerHarness) -> None:
    """Sweep, and send all that is due, as the handler of the wake-ups does on its threads."""
    harness.sweeper.sweep()
    harness.broker.take()
    sender = Sender(harness.settings.webhooks, utc_now)
    while send_next(harness.worker._context, sender, harness.settings.webhooks):
        pass


def deliveries(harness: WorkerHarness) -> list[WebhookDelivery]:
    with session_scope(harness.database, is_read_only=True) as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.number)))


def test_the_events_of_a_job_arrive_signed(harness: WorkerHarness, receiver: Receiver) -> None:
    webhook = make_webhook(harness.database, url=receiver.url)
    job_id = harness.submit(WORDS)
    harness.deliver()
    send_all(harness)
    messages = sorted(receiver.received, key=lambda message: message.content["data"]["number"])
    assert [message.content["type"] for message in messages] == [
        "job.queued", "job.planning", "job.rendering", "job.assembling", "job.succeeded",
    ]  # fmt: skip
    assert all(message.is_signed_with(webhook.secret) for message in messages)
    assert {message.content["data"]["job_id"] for message in messages} == {job_id}
    assert "audio.flac" in messages[-1].content["data"]["artifacts"]
    assert messages[0].path == "/hook?x=1"
    assert messages[0].headers["host"] == f"127.0.0.1:{receiver.port}"
    assert messages[0].headers["content-type"] == "application/json"
    assert len(set(receiver.ids())) == 5


def test_both_secrets_sign_while_one_replaces_the_other(
    harness: WorkerHarness, receiver: Receiver
) -> None:
    webhook = make_webhook(harness.database, url=receiver.url, types=["job.queued"])
    with session_scope(harness.database) as session:
        rotated = endpoints.rotate_secret(
            session, webhook.id, owner="local", overlap_s=3600, now=harness.now
        )
    harness.submit(WORDS)
    send_all(harness)
    harness.wait(3601)
    harness.submit(WORDS)
    send_all(harness)
    first, second = receiver.received
    assert first.is_signed_with(webhook.secret)
    assert first.is_signed_with(rotated.secret)
    assert second.is_signed_with(rotated.secret)
    assert not second.is_signed_with(webhook.secret)


def test_a_receiver_that_fails_for_an_hour_is_told_all_of_it_afterwards(
    harness: WorkerHarness, receiver: Receiver
) -> None:
    make_webhook(harness.database, url=receiver.url, types=["job.queued", "job.canceled"])
    receiver.answer = answering(503, b"in maintenance")
    jobs = []
    for minute in range(60):
        if minute % 10 == 0:
            jobs.append(harness.submit(f"{WORDS} {minute}"))
        send_all(harness)
        harness.wait(60)
    assert {row.state for row in deliveries(harness)} == {DeliveryState.PENDING}
    assert {row.response for row in deliveries(harness)} == {"in maintenance"}
    attempts = len(receiver.received)
    assert attempts < 6 * 8  # retries are spaced out
    receiver.answer = answering(200)
    for _ in range(10):  # the sixth retry comes an hour after the fifth, and a little more
        harness.wait(600)
        send_all(harness)
    taken = receiver.received[attempts:]
    assert sorted(message.content["data"]["job_id"] for message in taken) == sorted(jobs)
    assert {row.state for row in deliveries(harness)} == {DeliveryState.DELIVERED}
    assert len(set(receiver.ids())) == len(jobs)


def test_a_replay_arrives_under_the_same_id(harness: WorkerHarness, receiver: Receiver) -> None:
    webhook = make_webhook(harness.database, url=receiver.url, types=["job.queued"])
    harness.submit(WORDS)
    send_all(harness)
    (row,) = deliveries(harness)
    with session_scope(harness.database) as session:
        log.replay_delivery(session, webhook.id, row.id, owner="local", now=harness.now)
    send_all(harness)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_a_worker_that_dies_while_it_sends_loses_nothing(
    harness: WorkerHarness, receiver: Receiver
) -> None:
    make_webhook(harness.database, url=receiver.url, types=["job.queued"])
    harness.submit(WORDS)
    harness.sweeper.sweep()

    class Killed(BaseException):
        pass

    class DyingSender(Sender):
        def send(self, claim: DeliveryClaim) -> Attempt:
            super().send(claim)
            raise Killed

    context, settings = harness.worker._context, harness.settings.webhooks
    with pytest.raises(Killed):
        send_next(context, DyingSender(settings, utc_now), settings)
    harness.wait(harness.settings.worker.lease_s + 1)
    send_all(harness)
    assert len(receiver.received) == 2
    assert len(set(receiver.ids())) == 1
    assert deliveries(harness)[0].state is DeliveryState.DELIVERED


def test_the_worker_sends_on_threads_of_its_own(harness: WorkerHarness, receiver: Receiver) -> None:
    may_answer = threading.Event()

    def answer(handler: Any, message: Any) -> None:
        may_answer.wait(10)
        answering(200)(handler, message)

    receiver.answer = answer
    make_webhook(harness.database, url=receiver.url)
    harness.submit(WORDS)
    harness.sweeper.sweep()
    harness.deliver()  # every message is handled although no receiver answers
    may_answer.set()
    harness.worker.close()
    assert len(receiver.received) >= 1


def test_a_bug_in_sending_counts_as_an_attempt(harness: WorkerHarness) -> None:
    make_webhook(harness.database, types=["job.queued"])
    harness.submit(WORDS)
    harness.sweeper.sweep()

    class BrokenSender(Sender):
        def send(self, claim: DeliveryClaim) -> Attempt:
            raise ZeroDivisionError

    settings = harness.settings.webhooks
    runner = WebhookRunner(harness.worker._context, BrokenSender(settings, utc_now), settings)
    runner.wake()
    runner.close()
    (row,) = deliveries(harness)
    assert row.next_attempt_at is not None
    assert "internal error" in (row.error or "")
