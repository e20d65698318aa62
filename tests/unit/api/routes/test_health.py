"""Ready means: the database, the broker, the store and a warm worker answer."""

from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.deps import Resources
from narration import workers
from narration.clock import utc_now
from narration.database import Base, session_scope
from narration.engine import EngineIdentity
from narration.errors import DiskFull, RhapsodeError, StorageFull, StorageUnavailable
from narration.jobs.trouble import record_trouble
from narration.storage.directory import DirectoryStorage
from narration.storage.interface import Stored
from narration.workers import WorkerEngine, WorkerState
from tests.builders import make_job


class FullStorage(DirectoryStorage):
    """A store that answers but accepts no writes."""

    def put(self, key: str, *arguments: Any, **options: Any) -> Stored:
        raise StorageFull("no room")


def add_worker(
    resources: Resources,
    state: WorkerState,
    *,
    name: str = "w1",
    silent_s: float = 0,
    slots: int = 2,
    **says: Any,
) -> None:
    reported_at = utc_now() - timedelta(seconds=silent_s)
    with session_scope(resources.database) as session:
        workers.register(session, name, slots=slots, now=reported_at)
        workers.report(session, name, state=state, slots=slots, now=reported_at, **says)


def test_server_is_ready_with_a_warm_worker(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.READY)
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.OK
    assert answer.json()["checks"].keys() == {
        "database", "broker", "store", "workers", "jobs", "disk",
    }  # fmt: skip
    assert answer.json()["troubles"] == []
    assert "notice" not in answer.json()


def test_full_disk_of_one_machine_is_told_though_no_row_says_so(
    resources: Resources, small_disk: Path
) -> None:
    settings = resources.settings.model_copy(update={"data_dir": small_disk})
    full = replace(resources, settings=settings)
    with TestClient(create_app(settings, full)) as client:
        answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["troubles"] == ["disk_full"]
    assert str(small_disk) not in answer.text


def test_cold_worker_is_not_enough(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.WARMING)
    assert client.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_worker_is_not_believed_for_longer_than_a_heartbeat(
    client: TestClient, resources: Resources
) -> None:
    add_worker(resources, WorkerState.READY, silent_s=resources.settings.worker.heartbeat_s + 1)
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


def test_what_a_worker_waits_for_is_named(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.WARMING, awaits={"weights": "pull english"})
    answer = client.get("/readyz").json()
    assert answer["checks"]["workers"] == "no warm worker: w1 awaits weights: pull english"


def test_worker_that_waits_is_named_beside_those_that_are_warm(
    client: TestClient, resources: Resources
) -> None:
    add_worker(resources, WorkerState.READY)
    add_worker(resources, WorkerState.WARMING, name="w2", awaits={"card": "all are taken"})
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.OK
    assert answer.json()["checks"]["workers"] == "1 warm; w2 awaits card: all are taken"


def test_worker_that_is_started_over_and_over_is_told_once(
    client: TestClient, resources: Resources
) -> None:
    for name in ("a-6-01", "a-6-02", "b-6-03"):
        add_worker(resources, WorkerState.WARMING, name=name, awaits={"engine": "damaged"})
    said = client.get("/readyz").json()["checks"]["workers"]
    assert said == "no warm worker: b-6-03 awaits engine: damaged; a-6-02 awaits engine: damaged"


def test_worker_that_only_plans_does_not_speak(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.READY, slots=0)
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["checks"]["workers"] == "no warm worker: start one"


def test_demonstration_voice_is_told(client: TestClient, resources: Resources) -> None:
    identity = EngineIdentity(
        model="demo",
        revision="0" * 64,
        back_end="torch",
        precision="float32",
        device="cpu",
        is_watermarked=True,
    )
    add_worker(
        resources,
        WorkerState.READY,
        engine=WorkerEngine(identity=identity, voices={"kumo": "d" * 64}),
    )
    assert "demonstration voice" in client.get("/readyz").json()["notice"]


def test_store_that_is_full_is_not_ready(client: TestClient, resources: Resources) -> None:
    add_worker(resources, WorkerState.READY)
    full = FullStorage(resources.settings.objects_dir)
    resources.stores.profiles["default"] = full  # type: ignore[index]
    object.__setattr__(resources.stores, "work", full)
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["checks"]["store"] == StorageFull.__doc__


def add_job_in_trouble(resources: Resources, error: RhapsodeError, since_s: float) -> str:
    with session_scope(resources.database) as session:
        job_id = make_job(session).id
        record_trouble(session, job_id, error, now=utc_now() - timedelta(seconds=since_s))
    return job_id


@dataclass(frozen=True)
class Case:
    error: RhapsodeError
    since_s: float
    is_told: bool
    is_ready: bool


@pytest.mark.parametrize(
    "case",
    [
        Case(DiskFull("the disk is full"), since_s=0, is_told=True, is_ready=False),
        Case(StorageUnavailable("it is away"), since_s=10, is_told=False, is_ready=True),
        Case(StorageUnavailable("it is away"), since_s=70, is_told=True, is_ready=True),
    ],
)
def test_what_jobs_wait_for_is_told(client: TestClient, resources: Resources, case: Case) -> None:
    add_worker(resources, WorkerState.READY)
    job_id = add_job_in_trouble(resources, case.error, case.since_s)
    answer = client.get("/readyz")
    assert (answer.status_code == HTTPStatus.OK) is case.is_ready
    assert (f"1 wait: {case.error.__doc__}" in answer.json()["checks"]["jobs"]) is case.is_told
    troubles = [warning["code"] for warning in client.get(f"/v1/jobs/{job_id}").json()["warnings"]]
    assert troubles == ([case.error.code] if case.is_told else [])


def test_poll_that_knows_the_job_is_told_of_its_trouble(
    client: TestClient, resources: Resources
) -> None:
    job_id = add_job_in_trouble(resources, StorageUnavailable(), 10)
    etag = client.get(f"/v1/jobs/{job_id}").headers["etag"]
    with session_scope(resources.database) as session:
        record_trouble(session, job_id, DiskFull(), now=utc_now())
    again = client.get(f"/v1/jobs/{job_id}", headers={"If-None-Match": etag})
    assert again.status_code == HTTPStatus.OK


def test_without_tables_requests_get_the_remedy_and_the_process_is_not_ready(
    client: TestClient, resources: Resources
) -> None:
    with resources.database.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.exec_driver_sql(f"DROP TABLE {table.name}")
        connection.exec_driver_sql("DROP TABLE alembic_version")
    for path in ("/v1/jobs", "/readyz/api"):
        answer = client.get(path)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.json()["code"] == "schema_outdated"
        assert "rhapsode migrate" in answer.json()["detail"]
    assert "rhapsode migrate" in client.get("/readyz").json()["checks"]["database"]


def test_process_that_has_seen_its_tables_stays_ready_without_the_database(
    client: TestClient, resources: Resources
) -> None:
    assert client.get("/readyz/api").status_code == HTTPStatus.OK
    with resources.database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert client.get("/readyz/api").status_code == HTTPStatus.OK
