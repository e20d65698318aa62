import pytest
from sqlalchemy import Engine

from tests.contracts.fairness import FairnessContract


class TestFairnessOnSqlite(FairnessContract):
    @pytest.fixture
    def database(self, sqlite_database: Engine) -> Engine:
        return sqlite_database


class TestFairnessOnPostgres(FairnessContract):
    @pytest.fixture
    def database(self, postgres_database: Engine) -> Engine:
        return postgres_database
