"""What the errors of the database drivers mean; the only module that interprets them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from narration.errors import DatabaseUnavailable, DiskFull, RowsLocked, SchemaOutdated

MISSING_IN_POSTGRES = frozenset({"42P01", "42703"})  # undefined table, undefined column
# Postgres codes of a transaction that waited too long for another: lock_not_available,
# query_canceled (by statement_timeout), deadlock_detected.
LOCKED_IN_POSTGRES = frozenset({"55P03", "57014", "40P01"})
MISSING_IN_SQLITE = ("no such table", "no such column", "has no column named")
# SQLITE_IOERR_SHMSIZE: no space for the first page of the write-ahead log's index.
NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})


@contextmanager
def explained_errors(engine: Engine) -> Iterator[None]:
    """Translate driver errors: the database is down, has other tables, or its disk is full.

    Raises: DatabaseUnavailable and its subclasses, DiskFull.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(f"the database does not answer: {_reason(error)}") from error
    except DBAPIError as error:
        if _is_schema_missing(error):
            raise SchemaOutdated from error
        if _sqlstate(error) in LOCKED_IN_POSTGRES:
            raise RowsLocked(f"rows of the database are locked: {_reason(error)}") from error
        if _is_disk_full(error):
            raise DiskFull(f"the disk of {engine.url.database} is full: free some space") from error
        if isinstance(error, OperationalError | InterfaceError):
            raise DatabaseUnavailable(f"the database does not answer: {_reason(error)}") from error
        if error.connection_invalidated:
            raise DatabaseUnavailable(
                f"the connection to the database was lost: {_reason(error)}"
            ) from error
        raise


def _is_schema_missing(error: DBAPIError) -> bool:
    if _sqlstate(error) in MISSING_IN_POSTGRES:
        return True
    is_sqlite = isinstance(error.orig, sqlite3.Error)
    return is_sqlite and any(message in str(error.orig) for message in MISSING_IN_SQLITE)


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _is_disk_full(error: DBAPIError) -> bool:
    cause = error.orig
    # Errors that Python's module itself raises have no code.
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) in NO_ROOM


def _reason(error: Exception) -> str:
    return str(error.__cause__ or error).strip().splitlines()[0]
