import pytest
from sqlalchemy import Engine

from tests.contracts.checkpoints import CheckpointsContract
from tests.contracts.events import EventsContract
from tests.contracts.job_queries import JobQueriesContract, StepQueriesContract
from tests.contracts.mending import MendingContract
from tests.contracts.part_queries import PartQueriesContract
from tests.contracts.part_reuse import PartReuseContract
from tests.contracts.reuse import ReuseContract
from tests.contracts.segment_queries import SegmentQueriesContract
from tests.contracts.submitting import SubmittingContract
from tests.contracts.transitions import TransitionsContract
from tests.contracts.urgent_queries import UrgentQueriesContract


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    return sqlite_database


class TestJobsOnSqlite(JobQueriesContract):
    pass


class TestStepsOnSqlite(StepQueriesContract):
    pass


class TestSegmentsOnSqlite(SegmentQueriesContract):
    pass


class TestCheckpointsOnSqlite(CheckpointsContract):
    pass


class TestReuseOnSqlite(ReuseContract):
    pass


class TestTransitionsOnSqlite(TransitionsContract):
    pass


class TestEventsOnSqlite(EventsContract):
    pass


class TestPartsOnSqlite(PartQueriesContract):
    pass


class TestPartReuseOnSqlite(PartReuseContract):
    pass


class TestMendingOnSqlite(MendingContract):
    pass


class TestUrgentOnSqlite(UrgentQueriesContract):
    pass


class TestSubmittingOnSqlite(SubmittingContract):
    pass
