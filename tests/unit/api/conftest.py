"""The application with one machine's adapters: SQLite, a directory, and a broker that records."""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from api.app import create_app
from api.deps import Resources
from narration.broker.inline import InlineBroker
from narration.broker.interface import Task
from narration.broker.wakeups import send_queued
from narration.database import call_after_commit, make_engine
from narration.errors import BrokerUnavailable
from narration.migrate import migrate
from narration.settings import Settings
from narration.storage.profiles import open_stores
from tests.unit.api.conformance import Conformance


class NotingBroker(InlineBroker):
    """Records what was sent; `is_down` makes it refuse. Notices stay within the process."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Task, ...] | tuple[str, ...]] = []
        self.is_down = False

    def send(self, task: Task, *ids: str) -> None:
        if self.is_down:
            raise BrokerUnavailable("the broker does not answer: it is down")
        self.sent.append((task, *ids))

    def check(self) -> None:
        if self.is_down:
            raise BrokerUnavailable("the broker does not answer: it is down")


@pytest.fixture
def broker() -> NotingBroker:
    return NotingBroker()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("database") / "rhapsode.db"
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def settings(tmp_path: Path, empty_database: bytes) -> Settings:
    (tmp_path / "rhapsode.db").write_bytes(empty_database)
    return Settings(data_dir=tmp_path)


@pytest.fixture
def resources(settings: Settings, broker: NotingBroker) -> Iterator[Resources]:
    engine = make_engine(settings.database_url, settings.database)
    call_after_commit(engine, send_queued(broker))
    yield Resources(settings=settings, database=engine, stores=open_stores(settings), broker=broker)
    engine.dispose()


@pytest.fixture
def queries(resources: Resources) -> list[str]:
    """The queries of the resources' database, from here on."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    event.listen(resources.database, "before_cursor_execute", note)
    return seen


@pytest.fixture
def app(resources: Resources) -> FastAPI:
    return create_app(resources.settings, resources)


@pytest.fixture(scope="session")
def conformance() -> Conformance:
    return Conformance(create_app(Settings()).openapi())


def _require_conformance(conformance: Conformance, response: Any) -> None:
    """Check every response in every test against the OpenAPI document."""
    response.read()
    media_type = response.headers.get("content-type", "").partition(";")[0]
    is_json = media_type.endswith("json") and response.content
    request = response.request
    body = response.json() if is_json else None
    conformance.check(request.method, request.url.path, response.status_code, media_type, body)


@pytest.fixture
def client(app: FastAPI, conformance: Conformance) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        client.event_hooks["response"].append(partial(_require_conformance, conformance))
        yield client


@pytest.fixture
def limited(resources: Resources) -> "LimitedClients":
    return LimitedClients(resources)


class LimitedClients:
    """Makes clients of servers with other settings."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def __call__(self, **parts: dict[str, object]) -> TestClient:
        settings = self._resources.settings
        changed = {
            name: getattr(settings, name).model_validate(
                getattr(settings, name).model_dump() | values
            )
            for name, values in parts.items()
        }
        resources = replace(self._resources, settings=settings.model_copy(update=changed))
        return TestClient(create_app(resources.settings, resources), raise_server_exceptions=False)


def recording(duration_s: float, rate_hz: int = 16_000, **form: str) -> bytes:
    """A file of soft noise, a wav unless told otherwise."""
    noise = np.random.default_rng(0).normal(0, 0.1, int(duration_s * rate_hz))
    buffer = io.BytesIO()
    soundfile.write(buffer, noise.astype(np.float32), rate_hz, **({"format": "WAV"} | form))
    return buffer.getvalue()
