import pytest
from sqlalchemy import Engine, select

from narration.database import limit_lock_waits, session_scope
from narration.jobs.record import Job
from tests.builders import claim_segment, make_job, plan_job
from tests.contracts.fairness import FairnessContract


class TestFairnessOnSqlite(FairnessContract):
    @pytest.fixture
    def database(self, sqlite_database: Engine) -> Engine:
        return sqlite_database


class TestFairnessOnPostgres(FairnessContract):
    @pytest.fixture
    def database(self, postgres_database: Engine) -> Engine:
        return postgres_database

    def test_a_claim_does_not_wait_for_the_row_of_its_job(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=4)
        with session_scope(database) as holder:
            holder.execute(select(Job.id).with_for_update())
            with session_scope(database) as session:
                limit_lock_waits(session, 0.5)
                assert claim_segment(session) is not None
