"""Ready means: the database, the broker, the store and a warm worker answer."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from fastapi.testclient import TestClient

from api.deps import Resources
from narration import workers
from narration.clock import utc_now
from narration.database import session_scope
from narration.workers import WorkerState


def add_worker(resources: Resources, state: WorkerState, *, silent_s: float = 0) -> None:
    seen = utc_now() - timedelta(seconds=silent_s)
    with session_scope(resources.database) as session:
        workers.register(session, "w1", slots=2, now=seen)
        workers.report(session, "w1", state=state, slots=2, now=seen)


def test_server_is_ready_with_a_warm_worker(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.READY)
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.OK
    assert answer.json()["checks"].keys() == {"database", "broker", "store", "workers"}


def test_cold_worker_is_not_enough(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.WARMING)
    assert client.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_worker_that_fell_silent_is_not_enough(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.READY, silent_s=600)
    assert client.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_part_that_is_down_is_named_beside_those_that_are_not(
    client: TestClient, resources: Resources, broker: Any
) -> None:
    add_worker(resources, WorkerState.READY)
    broker.is_down = True
    answer = client.get("/readyz").json()
    assert answer["detail"] == "not ready: broker"
    assert answer["checks"]["database"] == "answers"


def test_process_is_alive_whatever_else_is_down(client: TestClient, broker: Any) -> None:
    broker.is_down = True
    assert client.get("/livez").json() == {"status": "alive"}


def test_requests_are_measured_by_route_not_by_path(client: TestClient) -> None:
    client.get("/v1/jobs/job_measured")
    text = client.get("/metrics").text
    assert 'route="/v1/jobs/{job_id}"' in text
    assert "job_measured" not in text
