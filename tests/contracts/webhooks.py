"""The contract of webhooks on every database; subclasses provide a `database`."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import send_queued
from narration.database import call_after_commit, session_scope
from narration.jobs.control import cancel_job
from narration.jobs.purge import delete_job
from narration.webhooks import endpoints
from narration.webhooks.claims import MOST_AT_ONCE, DeliveryClaim, claim_delivery
from narration.webhooks.deliveries import Attempt, count_due, record_attempt, renew_delivery
from narration.webhooks.fan_out import PAGE, fan_out, find_behind
from narration.webhooks.feed import make_deliveries
from narration.webhooks.messages import JOB_TYPES
from narration.webhooks.record import DeliveryState, Webhook, WebhookDelivery
from tests.builders import NOW, make_job, stores_in
from tests.fakes import RecordingBroker

TAKEN = Attempt(took_ms=1, status_code=200)
FAILED = Attempt(took_ms=1, status_code=500, error="it answered 500")
DAYS = timedelta(days=3)


def make_webhook(database: Engine, owner: str = "local", **values: Any) -> Webhook:
    made = {"url": "https://example.com/", "types": JOB_TYPES, "most": 10, "now": NOW} | values
    with session_scope(database) as session:
        return endpoints.create_webhook(session, owner=owner, **made)


def add_job(database: Engine, owner: str = "local") -> str:
    with session_scope(database) as session:
        return make_job(session, owner=owner).id


def cancel(database: Engine, job_id: str, owner: str = "local") -> None:
    with session_scope(database) as session:
        cancel_job(session, job_id, owner=owner, now=NOW)


def tell(database: Engine, now: datetime = NOW) -> None:
    make_deliveries(database, lambda: now)


def rows(database: Engine) -> list[WebhookDelivery]:
    with session_scope(database, is_read_only=True) as session:
        query = select(WebhookDelivery).order_by(WebhookDelivery.job_id, WebhookDelivery.number)
        return list(session.scalars(query))


def the_webhook(database: Engine) -> Webhook:
    with session_scope(database, is_read_only=True) as session:
        return session.scalars(select(Webhook)).one()


def claim(database: Engine, now: datetime = NOW) -> DeliveryClaim | None:
    with session_scope(database) as session:
        return claim_delivery(session, until=now + timedelta(seconds=60), now=now)


def attempt(database: Engine, outcome: Attempt, now: datetime = NOW) -> bool:
    delivery = claim(database, now)
    assert delivery is not None
    return record(database, delivery, outcome, now)


def record(
    database: Engine, delivery: DeliveryClaim, outcome: Attempt, now: datetime = NOW
) -> bool:
    with session_scope(database) as session:
        return record_attempt(session, delivery, outcome, disable_after=DAYS, now=now)


class WebhooksContract:
    """Subclasses provide a `database` fixture."""

    def test_each_event_becomes_one_delivery_for_each_webhook(self, database: Engine) -> None:
        broker = RecordingBroker()
        call_after_commit(database, send_queued(broker))
        before = add_job(database)
        first, second = make_webhook(database), make_webhook(database, types=["job.canceled"])
        make_webhook(database, "bob")
        job_id = add_job(database)
        cancel(database, job_id)
        broker.sent.clear()
        for _ in range(3):
            tell(database)
        told = [(row.webhook_id, row.job_id, row.type) for row in rows(database)]
        assert sorted(told) == sorted(
            [
                (first.id, job_id, "job.queued"),
                (first.id, job_id, "job.canceled"),
                (second.id, job_id, "job.canceled"),
            ]
        )
        assert before not in {row.job_id for row in rows(database)}
        assert broker.sent == [(Task.NOTIFY, ())] * 3

    def test_more_events_than_a_page_are_told_of(self, database: Engine) -> None:
        make_webhook(database)
        with session_scope(database) as session:
            for _ in range(PAGE + 7):
                make_job(session)
        tell(database)
        assert len(rows(database)) == PAGE + 7
        with session_scope(database) as session:
            assert find_behind(session) == []

    def test_a_fan_out_that_is_rolled_back_is_done_again(self, database: Engine) -> None:
        webhook = make_webhook(database)
        add_job(database)
        with database.connect() as connection, Session(connection) as session:
            fan_out(session, webhook.id, now=NOW)
            session.rollback()
        assert rows(database) == []
        tell(database)
        assert len(rows(database)) == 1

    def test_one_webhook_that_meets_a_bug_does_not_keep_the_others_waiting(
        self, database: Engine
    ) -> None:
        broken, whole = make_webhook(database), make_webhook(database)
        with session_scope(database) as session:
            session.execute(update(Webhook).where(Webhook.id == broken.id).values(types=7))
        add_job(database)
        tell(database)
        assert [row.webhook_id for row in rows(database)] == [whole.id]

    def test_that_a_job_was_deleted_is_told_too(self, database: Engine, tmp_path: Any) -> None:
        make_webhook(database, types=["job.deleted"])
        job_id = add_job(database)
        cancel(database, job_id)
        with session_scope(database) as session:
            delete_job(session, stores_in(tmp_path), job_id, now=NOW)
        tell(database)
        assert [(row.job_id, row.type) for row in rows(database)] == [(job_id, "job.deleted")]

    def test_what_was_taken_is_not_sent_again(self, database: Engine) -> None:
        make_webhook(database)
        add_job(database)
        tell(database)
        assert attempt(database, TAKEN)
        assert claim(database, NOW + timedelta(days=2)) is None
        (row,) = rows(database)
        assert (row.state, row.attempts, row.status_code) == (DeliveryState.DELIVERED, 1, 200)
        assert row.ended_at == NOW

    def test_what_was_not_taken_is_sent_again_later_and_given_up_after_a_day(
        self, database: Engine
    ) -> None:
        make_webhook(database)
        add_job(database)
        tell(database)
        now, waits = NOW, []
        while claimed := claim(database, now):
            record(database, claimed, FAILED, now)
            (row,) = rows(database)
            if row.next_attempt_at is None:
                break
            waits.append((row.next_attempt_at - now).total_seconds())
            assert claim(database, row.next_attempt_at - timedelta(seconds=1)) is None
            now = row.next_attempt_at
        assert waits[0] < 6
        assert waits[-1] > 28_000
        assert 20 <= (now - NOW).total_seconds() / 3600 <= 30
        assert row.state is DeliveryState.FAILED
        assert the_webhook(database).disabled_at is None

    def test_a_lost_delivery_is_taken_over_and_the_late_one_changes_nothing(
        self, database: Engine
    ) -> None:
        make_webhook(database)
        add_job(database)
        tell(database)
        lost = claim(database)
        assert lost is not None
        assert claim(database) is None
        later = NOW + timedelta(seconds=61)
        again = claim(database, later)
        assert again is not None
        assert (again.id, again.body, again.attempts) == (lost.id, lost.body, 2)
        with session_scope(database) as session:
            assert not renew_delivery(session, lost, until=later)
            assert renew_delivery(session, again, until=later + timedelta(seconds=60))
        assert not record(database, lost, FAILED, later)
        assert record(database, again, TAKEN, later)
        assert rows(database)[0].state is DeliveryState.DELIVERED

    def test_one_slow_receiver_does_not_hold_up_the_others(self, database: Engine) -> None:
        slow, other = make_webhook(database), make_webhook(database, "ann")
        for _ in range(MOST_AT_ONCE + 3):
            add_job(database)
        tell(database)
        held = [claim(database) for _ in range(MOST_AT_ONCE)]
        assert {delivery and delivery.webhook_id for delivery in held} == {slow.id}
        assert claim(database) is None
        add_job(database, "ann")
        tell(database)
        delivery = claim(database)
        assert delivery is not None
        assert delivery.webhook_id == other.id
        with session_scope(database, is_read_only=True) as session:
            assert count_due(session, most=100, now=NOW) == 3
            assert count_due(session, most=2, now=NOW) == 2
