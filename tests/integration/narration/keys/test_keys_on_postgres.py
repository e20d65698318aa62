import pytest
from sqlalchemy import Engine

from tests.contracts.keys import KeysContract
from tests.contracts.quota import QuotaContract
from tests.contracts.usage import UsageContract


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


class TestKeysOnPostgres(KeysContract):
    pass


class TestQuotaOnPostgres(QuotaContract):
    pass


class TestUsageOnPostgres(UsageContract):
    pass
