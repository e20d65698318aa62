"""What the pool of connections to Postgres does beyond SQLAlchemy's.

It checks connections that were idle, so that a restart of Postgres costs no errors. SQLAlchemy's
own `pool_pre_ping` checks at every use: a round trip for each transaction. And it waits while
Postgres has no connection left.
"""

import random
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

# Idle for less, a connection may be lost once in a restart of Postgres: that one use fails as any
# use fails that the restart meets, and is tried again.
PING_AFTER_S = 0.2
_IDLE_SINCE = "idle_since"
# Of SQLSTATE 53300, which libpq does not pass on while it connects. A server that answers in
# another language, or a pooler before it, is not waited for.
_ALL_TAKEN = (
    "too many clients already",
    "too many connections for",  # the role or the database
    "remaining connection slots are reserved",
)
_RETRY_S = (0.05, 0.2)


def check_idle_connections(engine: Engine) -> None:
    """Check connections that were idle when they are taken from the pool, and replace lost ones."""
    dialect = engine.dialect
    assert dialect.dbapi is not None
    lost = dialect.dbapi.Error

    def on_checkin(_: Any, record: Any) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    def on_checkout(connection: Any, record: Any, _: Any) -> None:
        idle_since = record.info.get(_IDLE_SINCE)  # None if it has just been made
        if idle_since is None or time.monotonic() - idle_since < PING_AFTER_S:
            return
        try:
            dialect.do_ping(connection)
        except lost as error:
            # All connections that are as old are dropped, and the pool makes a new one.
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", on_checkin)
    event.listen(engine, "checkout", on_checkout)


def wait_for_free_connections(engine: Engine, timeout_s: float) -> None:
    """Connect again, for at most `timeout_s`, while Postgres has no connection left.

    Beyond the pool, connections are closed as soon as they are unused, so one is soon free: when a
    book starts on several workers, all their threads use the database at once.
    """

    def connect(dialect: Any, _: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        ends_at = time.monotonic() + timeout_s
        while True:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.dbapi.OperationalError as error:
                is_taken = any(text in str(error) for text in _ALL_TAKEN)
                if not is_taken or time.monotonic() >= ends_at:
                    raise
                time.sleep(random.uniform(*_RETRY_S))  # noqa: S311 - spreads the retries

    event.listen(engine, "do_connect", connect)
