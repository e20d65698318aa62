import pytest
from sqlalchemy import Engine

from tests.contracts.keys import KeysContract


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


class TestKeysOnPostgres(KeysContract):
    pass
