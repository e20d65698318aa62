"""A worker whose segments have one chunk each; modules that need another have their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.harness import WorkerHarness


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    settings = {"segment_chunks": 1, "window_segments": 16}
    harness = WorkerHarness(sqlite_database, tmp_path, worker=settings)
    yield harness
    harness.close()
