"""Engines and sessions for Postgres and SQLite; knows no table.

One request or task step is one `session_scope`. Query functions take its session and never commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Engine,
    Enum,
    Integer,
    MetaData,
    String,
    create_engine,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from narration.database_errors import explained_errors
from narration.database_pool import check_idle_connections, wait_for_free_connections
from narration.database_sqlite import READ_ONLY, prepare_sqlite
from narration.errors import SettingsError
from narration.settings import DatabaseSettings

MOST_OVERFLOW = 64  # connections beyond the pool, closed as soon as they are unused
AFTER_COMMIT = "after_commit"
# For updates of rows that the session has not loaded, so there is nothing to synchronize.
UNSYNCHRONIZED = {"synchronize_session": False}

# Fixed names, so that migrations can name what they drop on either database.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Column types that several tables share.
JsonColumn = JSON().with_variant(JSONB, "postgresql")
BigCount = BigInteger()
BigKey = BigInteger().with_variant(Integer, "sqlite")  # SQLite auto-increments INTEGER keys only
ID = String(40)
OWNER = String(64)
DIGEST = String(64)


class StoredAs(TypeDecorator[Any]):
    """A value of a Python type, stored in a row as JSON.

    Fields that a later version has added are ignored; fields that an older version did not write
    need a default.
    """

    impl = JsonColumn
    cache_ok = True

    def __init__(self, value_type: Any) -> None:
        """Store values of this type: dataclasses, pydantic models, or tuples of them."""
        super().__init__()
        self.value_type = value_type
        self._adapter: TypeAdapter[Any] = TypeAdapter(value_type)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the value as JSON."""
        del dialect
        if value is None:
            return None
        value = self._adapter.validate_python(value)  # a value of another type is never stored
        return self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value in its Python type."""
        del dialect
        return None if value is None else self._adapter.validate_python(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC; SQLite would lose the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; store others in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        if dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class CurrentTransaction(FunctionElement[int]):
    """The number of the current transaction; 0 if there is one writer at a time, as in SQLite."""

    type = BigInteger()
    inherit_cache = True


class FirstRunning(FunctionElement[int]):
    """The lowest number of a transaction that may still be running; all lower ones are visible."""

    type = BigInteger()
    inherit_cache = True


class NextTransaction(FunctionElement[int]):
    """The number of the next transaction; every finished one has a lower number."""

    type = BigInteger()
    inherit_cache = True


class UtcDay(FunctionElement[str]):
    """The day of a time, as 2026-11-29."""

    type = String()
    inherit_cache = True


@compiles(UtcDay, "postgresql")
def _utc_day_on_postgres(element: Any, compiler: Any, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)}, 'YYYY-MM-DD')"


@compiles(UtcDay, "sqlite")
def _utc_day_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 10)"


@compiles(CurrentTransaction, "postgresql")
def _current_transaction_on_postgres(*_: Any, **__: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


@compiles(CurrentTransaction, "sqlite")
def _current_transaction_on_sqlite(*_: Any, **__: Any) -> str:
    return "0"


@compiles(FirstRunning, "postgresql")
def _first_running_on_postgres(*_: Any, **__: Any) -> str:
    return "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@compiles(FirstRunning, "sqlite")
def _first_running_on_sqlite(*_: Any, **__: Any) -> str:
    return "1"


@compiles(NextTransaction, "postgresql")
def _next_transaction_on_postgres(*_: Any, **__: Any) -> str:
    return "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


@compiles(NextTransaction, "sqlite")
def _next_transaction_on_sqlite(*_: Any, **__: Any) -> str:
    return "1"


class Base(DeclarativeBase):
    """The base class of all tables."""

    metadata = MetaData(naming_convention=NAMES)


def state_column(states: type[StrEnum]) -> Enum:
    """Return a text column that is read back as the enumeration."""
    values = [state.value for state in states]
    return Enum(states, native_enum=False, length=16, values_callable=lambda _: values)


def make_engine(url: str, settings: DatabaseSettings | None = None) -> Engine:
    """Create a pool for `url`; nothing connects before the first session.

    Raises: SettingsError if the URL is neither SQLite nor Postgres.
    """
    settings = settings or DatabaseSettings()
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            "the database URL cannot be parsed: use sqlite:/// or postgresql://"
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            engine = create_engine(parsed, pool_size=settings.pool_size)
            prepare_sqlite(engine)
            return engine
        case "postgresql":
            return _postgres_engine(parsed.set(drivername="postgresql+psycopg"), settings)
        case other:
            raise SettingsError(f"database {other!r} is not supported: use sqlite or postgresql")


def call_after_commit(engine: Engine, callback: Callable[[Session], None]) -> None:
    """Pass every session that may have written to `callback`, once its transaction is committed."""
    engine.update_execution_options(**{AFTER_COMMIT: callback})


@contextmanager
def session_scope(engine: Engine, *, is_read_only: bool = False) -> Iterator[Session]:
    """Run one transaction: commit at the end, roll back on any error.

    With `is_read_only`, readers of SQLite run in parallel with its one writer.
    Raises: DatabaseUnavailable if the database stopped answering, RowsLocked if other transactions
    hold rows locked for too long; DiskFull if it is SQLite's.
    """
    with explained_errors(engine), engine.connect() as connection:
        connection.execution_options(**{READ_ONLY: is_read_only})
        if is_read_only and engine.dialect.name == "postgresql":
            # No transaction: BEGIN and COMMIT would double the cost of a poll.
            connection.execution_options(isolation_level="AUTOCOMMIT")
        with Session(connection, expire_on_commit=False) as session, session.begin():
            yield session
    after_commit = engine.get_execution_options().get(AFTER_COMMIT)
    if after_commit is not None and not is_read_only:
        after_commit(session)


def limit_lock_waits(session: Session, limit_s: float) -> None:
    """Make the rest of a transaction fail with RowsLocked if a lock is not free within the limit.

    SQLite has a single lock, with its own limit.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(limit_s * 1000)}")


def check_database(engine: Engine) -> None:
    """Check that the database answers.

    Raises: DatabaseUnavailable if it does not.
    """
    with session_scope(engine, is_read_only=True) as session:
        session.connection().exec_driver_sql("SELECT 1")


def _postgres_engine(url: Any, settings: DatabaseSettings) -> Engine:
    engine = create_engine(
        url,
        pool_size=settings.pool_size,
        # A worker with a large GPU has dozens of threads. While the database is slow they must wait
        # for it instead of failing because no connection is free.
        max_overflow=MOST_OVERFLOW,
        pool_use_lifo=True,  # those used last need no check
        pool_timeout=settings.connect_timeout_s,
        connect_args={
            "connect_timeout": settings.connect_timeout_s,
            "options": f"-c statement_timeout={settings.statement_timeout_s}s -c timezone=UTC",
        },
    )
    check_idle_connections(engine)
    wait_for_free_connections(engine, settings.connect_timeout_s)
    return engine
