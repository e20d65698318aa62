"""Error responses reveal no path, host, bucket or SQL statement."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from api.app import create_app
from api.deps import Resources
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import (
    DiskFull,
    RhapsodeError,
    StorageFailing,
    StorageFull,
    StorageUnavailable,
    StoreRefusal,
)
from narration.jobs.job_error import JobError
from narration.jobs.record import Job
from narration.jobs.states import JobState
from narration.jobs.trouble import record_trouble
from narration.storage.profiles import Stores
from tests.unit.api.routes.jobs import submit

SECRET = "/srv/private/socket"


class FailingStore:
    def __init__(self, error: RhapsodeError) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise self._error

        return fail


@pytest.mark.parametrize("kind", [StorageUnavailable, StorageFull, StoreRefusal])
def test_store_that_fails_keeps_its_place_to_itself(
    resources: Resources, kind: type[RhapsodeError]
) -> None:
    store: Any = FailingStore(kind(f"{SECRET} does not answer"))
    stores = Stores(profiles={"default": store}, work=store)
    failing = replace(resources, stores=stores)
    with TestClient(create_app(failing.settings, failing)) as client:
        answers = [client.post("/v1/jobs", json={"text": "Hello."}), client.get("/readyz")]
    assert [answer.json()["code"] for answer in answers] == [kind.code, "unavailable"]
    assert not any(SECRET in answer.text for answer in answers)


def test_database_that_fails_keeps_its_statement_to_itself(
    client: TestClient, resources: Resources
) -> None:
    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        raise OperationalError(statement, {}, Exception(f"connection to {SECRET} failed"))

    event.listen(resources.database, "before_cursor_execute", fail)
    answer = client.get("/v1/jobs")
    assert answer.json()["code"] == "database_unavailable"
    assert SECRET not in answer.text
    assert "SELECT" not in answer.text


def test_job_that_failed_keeps_its_store_to_itself(
    client: TestClient, resources: Resources
) -> None:
    job = submit(client)
    error = JobError(code="output_denied", message=f"{SECRET} is full")
    with session_scope(resources.database) as session:
        session.execute(update(Job).values(state=JobState.FAILED, error=error))
    answer = client.get(job["urls"]["self"])
    assert answer.json()["error"]["code"] == "output_denied"
    assert SECRET not in answer.text


@pytest.mark.parametrize("kind", [DiskFull, StorageFailing, StorageFull, StorageUnavailable])
def test_job_that_waits_keeps_the_place_to_itself(
    client: TestClient, resources: Resources, kind: type[RhapsodeError]
) -> None:
    job = submit(client)
    since = utc_now() - timedelta(hours=1)
    with session_scope(resources.database) as session:
        record_trouble(session, job["id"], kind(f"{SECRET} is full"), now=since)
    answers = [client.get(job["urls"]["self"]), client.get("/readyz")]
    assert [warning["code"] for warning in answers[0].json()["warnings"]] == [kind.code]
    assert kind.__doc__ in answers[1].json()["checks"]["jobs"]
    assert not any(SECRET in answer.text for answer in answers)


def test_what_answers_leave_out_is_logged_once(resources: Resources) -> None:
    store: Any = FailingStore(StorageUnavailable(f"{SECRET} does not answer"))
    failing = replace(resources, stores=Stores(profiles={"default": store}, work=store))
    with TestClient(create_app(failing.settings, failing)) as client, capture_logs() as events:
        for _ in range(2):
            client.get("/readyz")
    told = [event["reason"] for event in events if event["event"] == "store_not_ready"]
    assert told == [f"{SECRET} does not answer"]
