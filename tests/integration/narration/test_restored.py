"""A dump of a server with high transaction numbers, loaded into one that begins with low ones."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, update

from narration.database import make_engine, session_scope
from narration.jobs.event_pages import EventPage, read_owner_events
from narration.jobs.events import Position, place_to_resume, present_position
from narration.jobs.record import Event
from narration.migrate import migrate
from narration.webhooks.record import Webhook
from tests.contracts.webhooks import add_job, make_webhook, rows, tell
from tests.servers import Postgres

FAR = 3_000_000_000  # how many more transactions the old server had


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


def restore(database: Engine) -> None:
    """Make all rows look as if a server with higher transaction numbers had written them."""
    with session_scope(database) as session:
        session.execute(update(Event).values(transaction=Event.transaction + FAR))
        moved = Webhook.cursor_transaction + FAR
        session.execute(update(Webhook).values(cursor_transaction=moved))


def run_migrate(database: Engine) -> None:
    migrate(database.url.render_as_string(hide_password=False))


def numbers(database: Engine) -> list[tuple[int, int]]:
    with session_scope(database, is_read_only=True) as session:
        query = select(Event.transaction, Event.id).order_by(Event.id)
        return [(row.transaction, row.id) for row in session.execute(query)]


def read_after(database: Engine, position: Position) -> EventPage:
    with session_scope(database, is_read_only=True) as session:
        after = place_to_resume(session, position)
        return read_owner_events(session, "local", after=after, limit=100)


def use_transactions(database: Engine, count: int) -> None:
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(count):
            connection.exec_driver_sql("SELECT pg_current_xact_id()")


@pytest.fixture
def other_server() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


def test_a_dump_that_is_loaded_into_a_new_server_tells_all(
    database: Engine, postgres: Postgres, other_server: Postgres
) -> None:
    use_transactions(database, 3000)
    make_webhook(database)
    notified = add_job(database)
    tell(database)
    (place,) = numbers(database)
    untold = add_job(database)
    url = database.url.set(drivername="postgresql")
    dump = postgres.dump(url.render_as_string(hide_password=False))
    restored = make_engine(other_server.restore(dump))
    with session_scope(restored, is_read_only=True) as session:
        assert present_position(session).transaction < place[0]
    run_migrate(restored)
    new = add_job(restored)
    tell(restored)
    assert sorted(str(row.job_id) for row in rows(restored)) == sorted([notified, untold, new])
    page = read_after(restored, Position(transaction=place[0], id=place[1]))
    assert [event.job_id for event in page.events] == [untold, new]
    restored.dispose()


def test_webhooks_are_told_what_was_not_told_before_the_dump_and_all_that_comes(
    database: Engine,
) -> None:
    make_webhook(database)
    notified = add_job(database)
    tell(database)
    untold = add_job(database)
    restore(database)
    tell(database)
    assert [row.job_id for row in rows(database)] == [notified]
    run_migrate(database)
    new = add_job(database)
    tell(database)
    assert sorted(str(row.job_id) for row in rows(database)) == sorted([notified, untold, new])


def test_a_webhook_that_was_told_nothing_begins_where_it_was_made(database: Engine) -> None:
    add_job(database)
    make_webhook(database)
    untold = add_job(database)
    make_webhook(database, "ann")
    restore(database)
    run_migrate(database)
    new = add_job(database, "ann")
    tell(database)
    assert sorted(str(row.job_id) for row in rows(database)) == sorted([untold, new])


def test_what_was_told_although_it_has_a_later_id_is_not_told_twice(database: Engine) -> None:
    """The event with the lower id was committed last, so only the other one was delivered."""
    make_webhook(database)
    late, early = add_job(database), add_job(database)
    with session_scope(database) as session:
        first_id = session.scalars(select(Event.id).where(Event.job_id == late)).one()
        later = update(Event).where(Event.id == first_id)
        session.execute(later.values(transaction=Event.transaction + 1_000_000))
    tell(database)
    assert [row.job_id for row in rows(database)] == [early]
    restore(database)
    run_migrate(database)
    tell(database)
    assert sorted(str(row.job_id) for row in rows(database)) == sorted([late, early])


def test_events_keep_their_ids_and_come_before_all_that_is_written(database: Engine) -> None:
    add_job(database)
    add_job(database)
    before = numbers(database)
    restore(database)
    run_migrate(database)
    assert numbers(database) == [(0, each) for _, each in before]
    new = add_job(database)
    page = read_after(database, Position(transaction=0, id=before[-1][1]))
    assert page.is_settled
    assert [event.job_id for event in page.events] == [new]


def test_a_server_that_was_not_restored_keeps_its_numbers(database: Engine) -> None:
    make_webhook(database)
    add_job(database)
    before = numbers(database)
    run_migrate(database)
    assert numbers(database) == before
    assert before[0][0] > 0


def test_who_followed_the_old_server_goes_on_after_the_same_event(database: Engine) -> None:
    add_job(database)
    unseen = add_job(database)
    restore(database)
    (transaction, seen), _ = numbers(database)
    run_migrate(database)
    new = add_job(database)
    page = read_after(database, Position(transaction=transaction, id=seen))
    assert [event.job_id for event in page.events] == [unseen, new]


def test_a_place_of_this_server_that_is_yet_to_come_is_the_present(database: Engine) -> None:
    add_job(database)
    with session_scope(database, is_read_only=True) as session:
        present = present_position(session)
        at_the_end = Position(transaction=present.transaction, id=present.id)
        assert place_to_resume(session, at_the_end) == present
