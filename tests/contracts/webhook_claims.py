"""Which owner's messages are sent first, on every database; subclasses provide a `database`."""

from datetime import timedelta

from sqlalchemy import Engine

from narration.webhooks.claims import MOST_AT_ONCE, MOST_OF_OWNER
from narration.webhooks.deliveries import Attempt
from narration.webhooks.record import DeliveryState
from tests.builders import NOW
from tests.contracts.webhooks import (
    add_job,
    claim,
    make_webhook,
    record,
    rows,
    tell,
    the_webhook,
)

POSTPONED = Attempt(took_ms=1, error="too many names are being looked up", is_begun=False)


class WebhookClaimsContract:
    """Subclasses provide a `database` fixture."""

    def test_slow_receivers_of_one_owner_do_not_hold_up_the_others(self, database: Engine) -> None:
        for _ in range(3):
            make_webhook(database, types=["job.queued"])
        for _ in range(MOST_OF_OWNER):
            add_job(database)
        tell(database)
        held = [claim(database) for _ in range(MOST_OF_OWNER)]
        assert None not in held
        assert len({found and found.id for found in held}) == MOST_OF_OWNER
        assert claim(database) is None
        other = make_webhook(database, "ann")
        add_job(database, "ann")
        tell(database)
        found = claim(database)
        assert found is not None
        assert found.webhook_id == other.id
        assert claim(database, NOW + timedelta(seconds=61)) is not None

    def test_who_has_fewer_in_work_goes_first(self, database: Engine) -> None:
        many, few = make_webhook(database), make_webhook(database, "ann")
        for _ in range(MOST_AT_ONCE):
            add_job(database)
        tell(database)
        assert claim(database) is not None
        later = NOW + timedelta(seconds=1)
        add_job(database, "ann")
        add_job(database, "ann")
        tell(database, later)
        turns = [claim(database, later) for _ in range(4)]
        assert [found and found.webhook_id for found in turns] == [few.id, many.id, few.id, many.id]

    def test_what_was_not_begun_is_tried_soon_and_does_not_count(self, database: Engine) -> None:
        make_webhook(database)
        add_job(database)
        tell(database)
        now = NOW
        for _ in range(50):
            found = claim(database, now)
            assert found is not None
            assert found.attempts == 1
            assert record(database, found, POSTPONED, now)
            assert claim(database, now) is None
            now += timedelta(seconds=10)
        assert the_webhook(database).failing_since is None
        (row,) = rows(database)
        assert (row.state, row.attempts) == (DeliveryState.PENDING, 0)
