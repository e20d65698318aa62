from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.database import make_engine
from tests.contracts.checkpoint_writer import CheckpointWriterContract


@pytest.fixture
def database(sqlite_database: Engine) -> Engine:
    return sqlite_database


@pytest.fixture
def away(tmp_path: Path) -> Engine:
    return make_engine(f"sqlite:///{tmp_path}/missing/rhapsode.db")


class TestNotesOnSqlite(CheckpointWriterContract):
    pass
