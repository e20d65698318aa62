import pytest
from sqlalchemy import Engine

from narration.keys.scopes import KeyLimits
from narration.keys.secret import KEY_PREFIX, SESSION_PREFIX, is_secret, new_secret
from tests.contracts.keys import KeysContract
from tests.contracts.quota import QuotaContract
from tests.contracts.usage import UsageContract


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    return sqlite_database


class TestKeysOnSQLite(KeysContract):
    pass


class TestQuotaOnSQLite(QuotaContract):
    pass


class TestUsageOnSQLite(UsageContract):
    pass


def test_a_secret_is_recognized_by_its_form() -> None:
    secret = new_secret(KEY_PREFIX)
    assert is_secret(KEY_PREFIX, secret)
    assert not is_secret(SESSION_PREFIX, secret)
    assert not is_secret(KEY_PREFIX, secret + "\n")
    assert not is_secret(KEY_PREFIX, secret.upper())
    assert len({new_secret(KEY_PREFIX) for _ in range(100)}) == 100


def test_own_limits_go_before_those_of_the_settings() -> None:
    own = KeyLimits(streams=2)
    assert own.over(KeyLimits(streams=9, queued_jobs=5)) == KeyLimits(streams=2, queued_jobs=5)
