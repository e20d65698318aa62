from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.database import make_engine
from tests.contracts.notes import NotesContract


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


@pytest.fixture
def away(tmp_path: Path) -> Engine:
    return make_engine(f"postgresql://app@/x?host={tmp_path}")


class TestNotesOnPostgres(NotesContract):
    pass
