import pytest
from sqlalchemy import Engine

from tests.contracts.job_queries import (
    JobQueriesContract,
    SegmentQueriesContract,
    StepQueriesContract,
)


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    return sqlite_database


class TestJobsOnSqlite(JobQueriesContract):
    pass


class TestStepsOnSqlite(StepQueriesContract):
    pass


class TestSegmentsOnSqlite(SegmentQueriesContract):
    pass
