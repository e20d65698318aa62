"""Failing webhooks, and what owners can do about them; subclasses provide a `database`."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from narration.database import session_scope
from narration.errors import ConflictError, NotFoundError
from narration.jobs.events import forget_events
from narration.webhooks import endpoints, log
from narration.webhooks.deliveries import Attempt
from narration.webhooks.endpoints import WebhookChange
from narration.webhooks.fan_out import lower_cursors
from narration.webhooks.record import DeliveryState, DisabledReason
from tests.builders import NOW
from tests.contracts.webhooks import (
    FAILED,
    TAKEN,
    add_job,
    attempt,
    claim,
    make_webhook,
    record,
    rows,
    tell,
    the_webhook,
)


class WebhookControlContract:
    """Subclasses provide a `database` fixture."""

    def test_a_receiver_that_is_gone_is_not_called_again(self, database: Engine) -> None:
        make_webhook(database)
        for _ in range(3):
            add_job(database)
        tell(database)
        attempt(database, Attempt(took_ms=1, status_code=410, error="it answered 410"))
        webhook = the_webhook(database)
        assert (webhook.disabled_at, webhook.disabled_reason) == (NOW, DisabledReason.GONE)
        assert {row.state for row in rows(database)} == {DeliveryState.FAILED}
        add_job(database)
        tell(database)
        assert len(rows(database)) == 3

    def test_a_receiver_that_fails_for_days_is_disabled(self, database: Engine) -> None:
        make_webhook(database)
        now = NOW
        for _ in range(6):
            add_job(database)
            tell(database, now)
            while claimed := claim(database, now):
                record(database, claimed, FAILED, now)
                now += timedelta(hours=9)
        webhook = the_webhook(database)
        assert webhook.disabled_reason is DisabledReason.FAILING
        assert webhook.failing_since == NOW

    def test_one_success_makes_up_for_the_failures(self, database: Engine) -> None:
        make_webhook(database)
        add_job(database)
        tell(database)
        attempt(database, FAILED)
        assert the_webhook(database).failing_since == NOW
        attempt(database, TAKEN, NOW + timedelta(minutes=1))
        assert the_webhook(database).failing_since is None

    def test_a_webhook_that_was_disabled_begins_with_the_present(self, database: Engine) -> None:
        webhook = make_webhook(database)
        for is_disabled in (True, False):
            add_job(database)
            change = WebhookChange(is_disabled=is_disabled)
            with session_scope(database) as session:
                endpoints.change_webhook(session, webhook.id, change, owner="local", now=NOW)
        job_id = add_job(database)
        tell(database)
        assert [row.job_id for row in rows(database)] == [job_id]

    def test_two_secrets_are_valid_at_a_time(self, database: Engine) -> None:
        webhook = make_webhook(database)
        secrets = [webhook.secret]
        for _ in range(2):
            with session_scope(database) as session:
                rotated = endpoints.rotate_secret(
                    session, webhook.id, owner="local", overlap_s=3600, now=NOW
                )
            secrets.append(rotated.secret)
            assert endpoints.valid_secrets(rotated, NOW) == secrets[:-3:-1]
            assert endpoints.valid_secrets(rotated, NOW + timedelta(hours=1)) == secrets[-1:]
        with session_scope(database) as session:
            leaked = endpoints.rotate_secret(
                session, webhook.id, owner="local", overlap_s=0, now=NOW
            )
        assert endpoints.valid_secrets(leaked, NOW) == [leaked.secret]

    def test_a_message_can_be_replayed_under_its_id(self, database: Engine) -> None:
        webhook = make_webhook(database)
        add_job(database)
        tell(database)
        first = claim(database)
        assert first is not None
        with pytest.raises(ConflictError), session_scope(database) as session:
            log.replay_delivery(session, webhook.id, first.id, owner="local", now=NOW)
        record(database, first, TAKEN)
        later = NOW + timedelta(days=7)
        with session_scope(database) as session:
            log.replay_delivery(session, webhook.id, first.id, owner="local", now=later)
        again = claim(database, later)
        assert again is not None
        assert (again.id, again.body, again.attempts) == (first.id, first.body, 1)

    def test_deleting_a_webhook_takes_its_log_and_what_is_being_sent(
        self, database: Engine
    ) -> None:
        webhook = make_webhook(database)
        add_job(database)
        tell(database)
        claimed = claim(database)
        assert claimed is not None
        with session_scope(database) as session:
            endpoints.delete_webhook(session, webhook.id, owner="local")
        assert not record(database, claimed, FAILED)
        assert rows(database) == []
        with pytest.raises(NotFoundError), session_scope(database) as session:
            endpoints.delete_webhook(session, webhook.id, owner="local")

    def test_events_after_all_were_forgotten_are_told_of(self, database: Engine) -> None:
        make_webhook(database)
        add_job(database)
        tell(database)
        with session_scope(database) as session:
            later = NOW + timedelta(days=31)
            forget_events(session, before=later)
            log.forget_deliveries(session, before=later)
            lower_cursors(session)
        job_id = add_job(database)
        tell(database)
        assert [row.job_id for row in rows(database)] == [job_id]

    def test_what_the_former_receiver_answers_does_not_concern_the_new_one(
        self, database: Engine
    ) -> None:
        webhook = make_webhook(database)
        add_job(database)
        tell(database)
        late = claim(database)
        assert late is not None
        change = WebhookChange(url="https://example.org/")
        with session_scope(database) as session:
            endpoints.change_webhook(session, webhook.id, change, owner="local", now=NOW)
        record(database, late, Attempt(took_ms=1, status_code=410, error="it answered 410"))
        changed = the_webhook(database)
        assert (changed.disabled_at, changed.failing_since) == (None, None)
        again = claim(database, NOW + timedelta(seconds=10))
        assert again is not None
        assert again.url == "https://example.org/"
