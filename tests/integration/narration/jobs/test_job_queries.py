import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.jobs.events import Position, read_owner_events
from tests.builders import make_job
from tests.contracts.checkpoints import CheckpointsContract
from tests.contracts.events import EventsContract
from tests.contracts.job_queries import JobQueriesContract, StepQueriesContract
from tests.contracts.mending import MendingContract
from tests.contracts.part_queries import PartQueriesContract
from tests.contracts.reuse import ReuseContract
from tests.contracts.segment_queries import SegmentQueriesContract
from tests.contracts.transitions import TransitionsContract
from tests.contracts.urgent_queries import UrgentQueriesContract


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
        assert (page.events, page.is_settled) == ([], False)
        early.commit()
    with session_scope(database, is_read_only=True) as session:
        page = read_owner_events(session, "local", after=start, limit=9)
    assert [event.job_id for event in page.events] == ids
    assert page.is_settled


class TestPartsOnPostgres(PartQueriesContract):
    pass


class TestMendingOnPostgres(MendingContract):
    pass


class TestUrgentOnPostgres(UrgentQueriesContract):
    pass
