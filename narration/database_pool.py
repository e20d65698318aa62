"""Checks pooled connections that were idle, so that a restart of Postgres costs no errors.

SQLAlchemy's own `pool_pre_ping` checks at every use: a round trip for each transaction.
"""

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

# Idle for less, a connection may be lost once in a restart of Postgres: that one use fails as any
# use fails that the restart meets, and is tried again.
PING_AFTER_S = 0.2
_IDLE_SINCE = "idle_since"


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
