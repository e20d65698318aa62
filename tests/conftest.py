"""Blocks sockets for tests that need none; starts servers once per process, at their first use."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings as hypothesis_settings
from pytest_socket import disable_socket, enable_socket
from sqlalchemy import Engine

from narration.database import make_engine
from narration.migrate import migrate
from tests.servers import Postgres, SeaweedFS, Valkey

OFFLINE = ("unit", "model")
TESTS = Path(__file__).parent

# Always the same examples, so that a test fails only because of a change; `make random` searches
# for new ones.
hypothesis_settings.register_profile("same", derandomize=True, database=None, deadline=None)
hypothesis_settings.register_profile(
    "random", max_examples=1000, database=None, deadline=None, print_blob=True
)
hypothesis_settings.load_profile("same")


@pytest.fixture(autouse=True)
def _sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    folder = request.path.relative_to(TESTS).parts[0]
    if folder in OFFLINE:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Reset logging, which commands configure for the stderr of their own test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.close()


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[SeaweedFS]:
    server = SeaweedFS()
    yield server
    server.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB; only root may mount one."""
    folder = tmp_path / "cramped"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated_file: Path) -> Iterator[Engine]:
    copy = shutil.copy(migrated_file, tmp_path / "rhapsode.db")
    engine = make_engine(f"sqlite:///{copy}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Engine]:
    engine = make_engine(postgres.migrated_database())
    yield engine
    engine.dispose()
