"""Webhooks on Postgres, where transactions overlap and workers race."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from narration.broker.inline import InlineBroker
from narration.broker.wakeups import send_queued
from narration.clock import utc_now
from narration.database import call_after_commit, session_scope
from narration.webhooks.claims import MOST_AT_ONCE, MOST_OF_OWNER, DeliveryClaim, claim_delivery
from narration.webhooks.deliveries import Attempt
from narration.webhooks.fan_out import fan_out
from narration.webhooks.feed import following_events, make_deliveries
from narration.webhooks.record import DeliveryState, Webhook
from tests.builders import NOW, make_job
from tests.cluster import wait_for
from tests.contracts.webhook_claims import WebhookClaimsContract
from tests.contracts.webhook_control import WebhookControlContract
from tests.contracts.webhooks import (
    WebhooksContract,
    add_job,
    claim,
    make_webhook,
    record,
    rows,
    tell,
)


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


class TestWebhooksOnPostgres(WebhooksContract):
    pass


class TestWebhookClaimsOnPostgres(WebhookClaimsContract):
    pass


class TestWebhookControlOnPostgres(WebhookControlContract):
    pass


def test_event_of_a_late_commit_is_told_and_none_twice(database: Engine) -> None:
    """The first transaction takes its ids first and commits last."""
    make_webhook(database)
    with Session(database) as early:
        ids = [make_job(early).id, add_job(database)]
        assert not make_deliveries(database, lambda: NOW)
        assert rows(database) == []
        early.commit()
    tell(database)
    assert sorted(str(row.job_id) for row in rows(database)) == sorted(ids)


def test_many_who_make_deliveries_at_once_make_each_once(database: Engine) -> None:
    for _ in range(3):
        make_webhook(database)
    is_over = threading.Event()

    def follow() -> None:
        while not is_over.is_set():
            tell(database)

    with ThreadPoolExecutor(6) as pool:
        followers = [pool.submit(follow) for _ in range(4)]
        for writer in [pool.submit(lambda: [add_job(database) for _ in range(20)]) for _ in "ab"]:
            writer.result()
        is_over.set()
        for follower in followers:
            follower.result()
    tell(database)
    assert len(rows(database)) == 3 * 40


def test_no_two_workers_have_the_same_delivery(database: Engine) -> None:
    for owner in "abcdefgh":
        make_webhook(database, owner)
        for _ in range(3):
            add_job(database, owner)
    tell(database)

    def claim_all() -> list[str]:
        taken = []
        while True:
            with session_scope(database) as session:
                found = claim_delivery(session, until=NOW + timedelta(seconds=60), now=NOW)
            if found is None:
                return taken
            taken.append(found.id)

    with ThreadPoolExecutor(4) as pool:
        taken = [each for found in pool.map(lambda _: claim_all(), range(4)) for each in found]
    assert sorted(taken) == sorted(row.id for row in rows(database))


@pytest.mark.parametrize(("webhooks", "most"), [(1, MOST_AT_ONCE), (3, MOST_OF_OWNER)])
def test_those_who_claim_at_once_keep_to_the_limits(
    database: Engine, webhooks: int, most: int
) -> None:
    for _ in range(webhooks):
        make_webhook(database)
    for _ in range(12):
        add_job(database)
    tell(database)
    barrier = threading.Barrier(12)

    def claim_one(_: int) -> DeliveryClaim | None:
        barrier.wait()
        return claim(database)

    with ThreadPoolExecutor(12) as pool:
        claims = list(pool.map(claim_one, range(12)))
    assert sum(found is not None for found in claims) == most


def test_receivers_that_are_gone_at_once_disable_a_webhook_without_a_deadlock(
    database: Engine,
) -> None:
    make_webhook(database)
    for _ in range(4):
        add_job(database)
    tell(database)
    gone = Attempt(took_ms=1, status_code=410, error="it answered 410")
    claims = [found for _ in range(4) if (found := claim(database))]
    barrier = threading.Barrier(4)

    def end(found: DeliveryClaim) -> None:
        barrier.wait()
        record(database, found, gone)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(end, claims))
    assert {row.state for row in rows(database)} == {DeliveryState.FAILED}


def test_a_notice_makes_deliveries_within_a_moment(database: Engine) -> None:
    broker = InlineBroker()
    call_after_commit(database, send_queued(broker))
    make_webhook(database)
    with following_events(database, broker, utc_now):
        add_job(database)
        wait_for(lambda: len(rows(database)) == 1, 5, "delivery")
        with Session(database) as open_one:  # holds the next events back for a while
            make_job(open_one, owner="ann")
            open_one.flush()
            add_job(database)
            threading.Event().wait(0.3)
            assert len(rows(database)) == 1
        wait_for(lambda: len(rows(database)) == 2, 5, "delivery")


def test_a_webhook_that_somebody_holds_is_looked_at_again(database: Engine) -> None:
    webhook = make_webhook(database)
    add_job(database)
    with Session(database) as holder:
        holder.execute(select(Webhook.id).where(Webhook.id == webhook.id).with_for_update())
        assert not make_deliveries(database, lambda: NOW)
        assert rows(database) == []
    assert make_deliveries(database, lambda: NOW)
    assert len(rows(database)) == 1


def test_a_webhook_that_is_gone_is_not_waited_for(database: Engine) -> None:
    with session_scope(database) as session:
        assert fan_out(session, "hook_gone", now=NOW).is_settled
