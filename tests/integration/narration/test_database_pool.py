"""A connection that Postgres has closed meanwhile is replaced before it is used."""

import time

from sqlalchemy import Engine

from narration.database import make_engine, session_scope
from narration.database_pool import PING_AFTER_S


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
