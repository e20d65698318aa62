import pytest
from sqlalchemy import Engine

from tests.contracts.job_queries import JobQueriesContract, StepQueriesContract
from tests.contracts.part_queries import PartQueriesContract
from tests.contracts.segment_queries import SegmentQueriesContract
from tests.contracts.transitions import TransitionsContract


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


class TestJobsOnPostgres(JobQueriesContract):
    pass


class TestStepsOnPostgres(StepQueriesContract):
    pass


class TestSegmentsOnPostgres(SegmentQueriesContract):
    pass


class TestTransitionsOnPostgres(TransitionsContract):
    pass


class TestPartsOnPostgres(PartQueriesContract):
    pass
