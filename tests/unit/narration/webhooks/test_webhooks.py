import pytest
from sqlalchemy import Engine

from tests.contracts.webhook_claims import WebhookClaimsContract
from tests.contracts.webhook_control import WebhookControlContract
from tests.contracts.webhooks import WebhooksContract


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    return sqlite_database


class TestWebhooksOnSqlite(WebhooksContract):
    pass


class TestWebhookClaimsOnSqlite(WebhookClaimsContract):
    pass


class TestWebhookControlOnSqlite(WebhookControlContract):
    pass
