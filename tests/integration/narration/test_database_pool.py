"""Connections that Postgres has closed meanwhile, and connections that it refuses for a moment."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from narration.database import make_engine, session_scope
from narration.database_pool import PING_AFTER_S
from narration.errors import DatabaseUnavailable
from narration.settings import DatabaseSettings


def backend(database: Engine) -> int:
    with session_scope(database) as session:
        return int(session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def end_backend(database: Engine, pid: int) -> None:
    other = make_engine(database.url.render_as_string(hide_password=False))
    try:
        with session_scope(other) as session:
            session.connection().exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
    finally:
        other.dispose()


def test_a_connection_that_was_lost_while_idle_costs_no_error(postgres_database: Engine) -> None:
    first = backend(postgres_database)
    end_backend(postgres_database, first)
    time.sleep(PING_AFTER_S)
    assert backend(postgres_database) != first


@pytest.fixture
def limited(postgres_database: Engine) -> Iterator[Engine]:
    """A role that may have one connection, which is closed as soon as it is unused."""
    with session_scope(postgres_database) as session:
        session.connection().exec_driver_sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 1")
    url = postgres_database.url.set(username="limited").render_as_string(hide_password=False)
    engine = make_engine(url, DatabaseSettings(connect_timeout_s=1))
    yield engine
    engine.dispose()
    with session_scope(postgres_database) as session:
        session.connection().exec_driver_sql("DROP ROLE limited")


def test_a_session_waits_while_all_connections_are_taken(limited: Engine) -> None:
    taken, free = threading.Event(), threading.Event()
    other = make_engine(limited.url.render_as_string(hide_password=False))

    def hold() -> None:
        with session_scope(other) as session:
            session.connection().exec_driver_sql("SELECT 1")
            taken.set()
            free.wait(10)
        other.dispose()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(10)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="too many connections"):
        backend(limited)
    assert time.monotonic() - began >= 1
    threading.Timer(0.3, free.set).start()
    assert backend(limited)
    holder.join()
