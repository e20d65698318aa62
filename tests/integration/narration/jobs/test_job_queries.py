import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.errors import LeaseLost
from narration.jobs.event_pages import read_owner_events, read_pages
from narration.jobs.events import Position
from narration.jobs.lookup import lock_job
from narration.jobs.part_transitions import reset_parts
from narration.jobs.parts import claim_part, finish_part, get_parts
from narration.jobs.plan import open_segments
from narration.jobs.record import Part
from tests.builders import LEASE, NOW, make_job
from tests.contracts.checkpoints import CheckpointsContract
from tests.contracts.events import EventsContract
from tests.contracts.job_queries import JobQueriesContract, StepQueriesContract
from tests.contracts.mending import MendingContract
from tests.contracts.part_queries import PART_CHUNKS, PartQueriesContract, spoken_job
from tests.contracts.part_reuse import PartReuseContract
from tests.contracts.reuse import ReuseContract
from tests.contracts.segment_queries import SegmentQueriesContract
from tests.contracts.submitting import SubmittingContract
from tests.contracts.transitions import TransitionsContract
from tests.contracts.urgent_queries import UrgentQueriesContract

CHUNKS = 1000
ROWS_READ = 5 * CHUNKS  # Postgres also reads the versions of a row from before its updates
CHUNKS_READ = """
    SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'chunks'
"""


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


class TestJobsOnPostgres(JobQueriesContract):
    pass


class TestStepsOnPostgres(StepQueriesContract):
    pass


class TestSegmentsOnPostgres(SegmentQueriesContract):
    pass


class TestCheckpointsOnPostgres(CheckpointsContract):
    pass


class TestReuseOnPostgres(ReuseContract):
    pass


class TestTransitionsOnPostgres(TransitionsContract):
    pass


class TestEventsOnPostgres(EventsContract):
    pass


def test_event_of_a_late_commit_is_lost_to_nobody(database: Engine) -> None:
    """The first transaction takes its ids first and commits last."""
    start = Position(transaction=0, id=0)
    with Session(database) as early, Session(database) as late:
        ids = [make_job(early).id, make_job(late).id]
        late.commit()
        with session_scope(database, is_read_only=True) as session:
            page = read_owner_events(session, "local", after=start, limit=9)
            assert read_pages(session, {("local", ""): start}, limit=9) == {("local", ""): page}
        assert (page.events, page.is_settled) == ([], False)
        early.commit()
    with session_scope(database, is_read_only=True) as session:
        page = read_owner_events(session, "local", after=start, limit=9)
    assert [event.job_id for event in page.events] == ids
    assert page.is_settled


class TestPartsOnPostgres(PartQueriesContract):
    pass


class TestPartReuseOnPostgres(PartReuseContract):
    pass


class TestMendingOnPostgres(MendingContract):
    pass


class TestUrgentOnPostgres(UrgentQueriesContract):
    pass


def test_a_part_is_stored_after_whoever_holds_its_job_and_never_against_them(
    database: Engine,
) -> None:
    """A chunk is spoken again while its part is being stored: job first, then parts, for both."""
    with session_scope(database) as session:
        job_id = spoken_job(session).id
        claim = claim_part(session, holder="w", until=NOW + LEASE, now=NOW, job_id=job_id)
    assert claim is not None
    with ThreadPoolExecutor(1) as pool, Session(database) as mending:
        lock_job(mending, job_id)

        def store() -> None:
            with session_scope(database) as session:
                finish_part(session, claim, now=NOW)

        stored = pool.submit(store)
        time.sleep(0.3)  # it waits for the job by now
        reset_parts(mending, job_id, Part.index == claim.index, now=NOW)
        mending.commit()
        with pytest.raises(LeaseLost):
            stored.result()


def test_workers_that_claim_at_the_same_time_get_a_part_each(database: Engine) -> None:
    with session_scope(database) as session:
        job_id = spoken_job(session, chunks=3 * PART_CHUNKS).id
        ready = len(get_parts(session, job_id))
    assert ready > 2
    with ExitStack() as stack:
        sessions = [stack.enter_context(Session(database)) for _ in range(ready)]
        claims = [
            claim_part(session, holder="w", until=NOW + LEASE, now=NOW) for session in sessions
        ]
    assert sorted(claim.index for claim in claims if claim) == list(range(ready))


def test_a_claim_reads_the_chunks_of_its_parts_and_not_the_book_for_each(database: Engine) -> None:
    """Postgres has statistics of earlier jobs only, as whenever a job has just been planned."""
    with session_scope(database) as session:
        spoken_job(session)
        session.execute(text("ANALYZE"))
    with session_scope(database) as session:
        book_id = spoken_job(session, chunks=CHUNKS, pause_ms=1000).id
    with session_scope(database) as session:
        assert len(get_parts(session, book_id)) > 40
        assert claim_part(session, holder="w", until=NOW + LEASE, now=NOW, job_id=book_id)
        assert session.scalar(text(CHUNKS_READ)) < ROWS_READ


def test_segments_are_opened_without_reading_the_book_for_each(database: Engine) -> None:
    with session_scope(database) as session:
        spoken_job(session)
        session.execute(text("ANALYZE"))
    with session_scope(database) as session:
        book_id = spoken_job(session, chunks=CHUNKS).id
    with session_scope(database) as session:
        assert open_segments(session, book_id, now=NOW) == 0
        assert session.scalar(text(CHUNKS_READ)) < ROWS_READ


class TestSubmittingOnPostgres(SubmittingContract):
    pass
