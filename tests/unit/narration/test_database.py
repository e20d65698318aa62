"""How database failures are classified."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration import migrate as migrations
from narration.database import make_engine, session_scope
from narration.errors import DatabaseUnavailable, DiskFull, RowsLocked, public_message

FULL = r"the disk of .*rhapsode\.db is full: free some space"


def fill(engine: Engine) -> None:
    """Make SQLite behave as on a full disk: the file may not grow beyond its present size."""
    with session_scope(engine) as session:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.exec_driver_sql("CREATE TABLE ballast (bytes BLOB)")


def test_a_full_disk_is_named_and_not_called_a_lost_database(sqlite_database: Engine) -> None:
    with pytest.raises(DiskFull, match=FULL):
        fill(sqlite_database)


def test_a_lost_database_is_worth_another_try(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/no/such/folder/rhapsode.db")
    with pytest.raises(DatabaseUnavailable), session_scope(engine):
        pass


def test_a_new_database_that_finds_no_room_says_so(small_disk: Path) -> None:
    with pytest.raises(DiskFull, match=FULL):
        migrations.migrate(f"sqlite:///{small_disk}/rhapsode.db")


def test_clients_learn_of_locked_rows_what_they_learn_of_a_database_that_is_away() -> None:
    reason = "rows of the database are locked: at db.internal"
    assert public_message(RowsLocked.code, reason) == DatabaseUnavailable.__doc__
