"""The contract for followers of jobs on every database; subclasses provide a `database`."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.broker.wakeups import send_queued
from narration.database import call_after_commit, session_scope
from narration.errors import ConflictError
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.event_pages import read_job_events, read_owner_events, read_page, read_pages
from narration.jobs.events import (
    NewEvent,
    Position,
    add_events,
    list_changed,
    parse_notice,
    present_position,
)
from narration.jobs.purge import delete_job
from tests.builders import NOW, make_job, stores_in
from tests.fakes import RecordingBroker

START = Position(transaction=0, id=0)


def told(session: Session, owner: str, after: Position = START, limit: int = 100) -> list[str]:
    page = read_owner_events(session, owner, after=after, limit=limit)
    return [f"{event.job_id} {event.type}" for event in page.events]


class EventsContract:
    """Subclasses provide a `database` fixture."""

    def test_owner_is_told_of_all_jobs_in_order(self, database: Engine) -> None:
        with session_scope(database) as session:
            first, second = make_job(session, owner="ann"), make_job(session, owner="ann")
            make_job(session, owner="bob")
        with session_scope(database) as session:
            cancel_job(session, first.id, owner="ann", now=NOW)
        with session_scope(database, is_read_only=True) as session:
            assert told(session, "ann") == [
                f"{first.id} job.queued",
                f"{second.id} job.queued",
                f"{first.id} job.canceled",
            ]

    def test_pages_join_without_loss_or_doubling(self, database: Engine) -> None:
        with session_scope(database) as session:
            jobs = [make_job(session) for _ in range(7)]
        seen, after = [], START
        with session_scope(database, is_read_only=True) as session:
            while not (page := read_owner_events(session, "local", after=after, limit=3)).is_last:
                seen += [event.job_id for event in page.events]
                after = Position.parse(str(page.events[-1].position))
        assert seen + [event.job_id for event in page.events] == [job.id for job in jobs]

    def test_pages_that_are_read_together_are_those_of_each(self, database: Engine) -> None:
        with session_scope(database) as session:
            jobs = [make_job(session, owner=owner) for owner in ("ann", "ann", "bob", "ann")]
        for owner, job in (("ann", jobs[0]), ("bob", jobs[2])):
            with session_scope(database) as session:
                cancel_job(session, job.id, owner=owner, now=NOW)
        with session_scope(database, is_read_only=True) as session:
            second = read_owner_events(session, "ann", after=START, limit=9).events[1].position
            places = {
                ("ann", ""): second,
                ("bob", ""): START,
                ("eve", ""): START,
                ("ann", jobs[0].id): Position(transaction=0, id=1),
                ("ann", jobs[1].id): Position(transaction=0, id=1),
                ("ann", jobs[2].id): START,  # of another owner
                ("bob", jobs[2].id): START,
            }
            for limit in (1, 2, 9):
                assert read_pages(session, places, limit=limit) == {
                    key: read_page(session, key, after=after, limit=limit)
                    for key, after in places.items()
                }
            page = read_pages(session, places, limit=9)["bob", ""]
            assert [event.type for event in page.events] == ["job.queued", "job.canceled"]

    def test_present_position_is_before_what_comes_and_after_what_was(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            make_job(session)
        with session_scope(database, is_read_only=True) as session:
            present = present_position(session)
            assert told(session, "local", after=present) == []
        with session_scope(database) as session:
            job = make_job(session)
        with session_scope(database, is_read_only=True) as session:
            assert told(session, "local", after=present) == [f"{job.id} job.queued"]

    def test_events_outlive_their_job_and_stay_their_owners(
        self, database: Engine, tmp_path: Any
    ) -> None:
        with session_scope(database) as session:
            job = make_job(session, owner="ann")
            cancel_job(session, job.id, owner="ann", now=NOW)
            delete_job(session, stores_in(tmp_path), job.id, owner="ann", now=NOW)
        with session_scope(database, is_read_only=True) as session:
            page = read_job_events(session, job.id, owner="ann", after=1, limit=9)
            assert [event.type for event in page.events] == ["job.canceled", "job.deleted"]
            assert read_job_events(session, job.id, owner="bob", after=0, limit=9).events == []

    def test_committed_change_is_announced_once_and_a_rollback_never(
        self, database: Engine
    ) -> None:
        broker = RecordingBroker()
        call_after_commit(database, send_queued(broker))
        with session_scope(database) as session:
            job = make_job(session, owner="Ann of the Hill")
            add_events(session, job.id, [NewEvent(type="chunks.reset")], now=NOW)
        assert [parse_notice(notice) for notice in broker.notices] == [(job.id, "Ann of the Hill")]
        with pytest.raises(ConflictError):
            _make_and_roll_back(database, job.id)
        assert len(broker.notices) == 1

    def test_what_changed_lately_is_found_without_notices(self, database: Engine) -> None:
        with session_scope(database) as session:
            make_job(session, now=NOW - timedelta(hours=1))
            job = make_job(session, owner="ann")
            cancel_job(session, job.id, owner="ann", now=NOW)
        with session_scope(database, is_read_only=True) as session:
            assert list_changed(session, since=NOW - timedelta(minutes=1)) == [(job.id, "ann")]


def _make_and_roll_back(database: Engine, job_id: str) -> None:
    with session_scope(database) as session:
        make_job(session)
        retry_job(session, job_id, owner="Ann of the Hill", now=NOW)
