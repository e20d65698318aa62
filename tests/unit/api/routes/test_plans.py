"""Plans over HTTP: made before anything is spoken, kept for a while, and turned into jobs."""

from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.deps import Resources
from narration import workers
from narration.broker.interface import Task
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.kept_plan import KeptPlan
from narration.workers import WorkerEngine, WorkerState
from tests.fakes import TONE
from tests.pictures import make_png
from tests.unit.api.routes.jobs import BIG, TEXT, stored_files

BOOK = b"# One\n\nIt rained.\n\n# Two\n\nIt snowed. `code`\n\n```\nx = y\n```\n"


def plan_book(client: TestClient, data: bytes = BOOK, **settings: str) -> dict[str, Any]:
    answer = client.post("/v1/plans", files={"file": ("book.md", data)}, data=settings)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    assert answer.headers["location"] == answer.json()["urls"]["self"]
    plan: dict[str, Any] = answer.json()
    return plan


def warm_worker(resources: Resources, rate: float | None, name: str = "w1") -> None:
    with session_scope(resources.database) as session:
        workers.register(session, name, slots=1, now=utc_now())
        engine = WorkerEngine(identity=TONE, voices={"default": "d" * 64}, speech_rate=rate)
        state = WorkerState.READY
        workers.report(session, name, state=state, slots=1, now=utc_now(), engine=engine)


def test_a_plan_tells_what_a_document_would_become(client: TestClient, broker: Any) -> None:
    plan = plan_book(client)
    assert [
        (chapter["number"], chapter["title"], chapter["words"], chapter["chunks"])
        for chapter in plan["chapters"]
    ] == [(1, "One", 3, 2), (2, "Two", 4, 2)]
    assert plan["chunks"] == 4
    assert plan["source_characters"] == len(BOOK)
    assert plan["source"]["media_type"] == "text/markdown"
    assert plan["reading"]["skipped"]["code"] > 0
    assert plan["estimate"]["audio_s"] > 1
    assert broker.sent == []
    assert client.get("/v1/jobs").json()["items"] == []


def test_what_nobody_can_tell_is_null_not_zero(client: TestClient) -> None:
    assert plan_book(client)["estimate"] | {"audio_s": 0} == {
        "audio_s": 0,
        "cached_s": None,
        "cached_percent": None,
        "speech_rate": None,
        "rendering_s": None,
    }


def test_warm_workers_share_what_is_to_be_spoken(client: TestClient, resources: Resources) -> None:
    warm_worker(resources, 3.0)
    warm_worker(resources, None, "w2")  # has not spoken enough to know its rate
    estimate = plan_book(client)["estimate"]
    assert estimate["speech_rate"] == 3
    assert estimate["cached_s"] == 0
    assert estimate["rendering_s"] == pytest.approx(estimate["audio_s"] / 6, abs=0.1)


def test_a_worker_that_has_not_measured_itself_knows_the_cache_only(
    client: TestClient, resources: Resources
) -> None:
    warm_worker(resources, None)
    estimate = plan_book(client)["estimate"]
    assert (estimate["cached_percent"], estimate["rendering_s"]) == (0, None)


def test_a_plan_becomes_a_job_with_some_of_its_settings_replaced(client: TestClient) -> None:
    settings = '{"outputs": ["mp3"], "delivery": {"temperature": 0.5}, "title": "Rain"}'
    plan = plan_book(client, job=settings)
    answer = client.post(
        "/v1/jobs",
        json={"plan": plan["id"], "chapters": [2], "delivery": {"exaggeration": 0.9}},
    )
    job = answer.json()
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    assert job["settings"]["chapters"] == [2]
    assert job["settings"]["outputs"] == ["mp3"]
    assert job["settings"]["delivery"]["temperature"] == 0.5
    assert job["settings"]["delivery"]["exaggeration"] == 0.9
    assert job["source"] == plan["source"]
    assert job["title"] == "Rain"


def test_a_text_is_planned_as_a_job_of_it_is(client: TestClient) -> None:
    answer = client.post("/v1/plans", json={"text": TEXT, "voice": "nobody"})
    assert answer.json()["errors"][0]["pointer"] == "/voice"
    plan = client.post("/v1/plans", json={"text": TEXT}).json()
    assert client.get(plan["urls"]["self"]).json() == plan


def test_a_plan_of_a_plan_is_refused(client: TestClient) -> None:
    plan = plan_book(client)
    answer = client.post("/v1/plans", json={"plan": plan["id"]})
    assert answer.json()["errors"][0]["pointer"] == "/text"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": TEXT, "plan": f"plan_{'0' * 26}"},
        {"plan": f"plan_{'0' * 26}"},
        {"plan": "plan_x"},
        {"plan": f"plan_{'0' * 26}", "format": "markdown"},
    ],
)
def test_a_job_needs_a_text_or_a_plan_that_is_there(
    client: TestClient, broker: Any, body: dict[str, str]
) -> None:
    assert client.post("/v1/jobs", json=body).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert broker.sent == []


@pytest.mark.parametrize("chapters", [[3], [0], [], [1, 2, 3000]])
def test_chapters_that_are_not_there_are_refused_at_once(
    client: TestClient, broker: Any, chapters: list[int]
) -> None:
    plan = plan_book(client)
    answer = client.post("/v1/jobs", json={"plan": plan["id"], "chapters": chapters})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert broker.sent == []


def test_a_repeated_request_finds_its_job_even_when_the_plan_is_gone(
    client: TestClient, broker: Any
) -> None:
    plan = plan_book(client)
    asked: dict[str, Any] = {
        "json": {"plan": plan["id"], "chapters": [1]},
        "headers": {"Idempotency-Key": "once"},
    }
    first = client.post("/v1/jobs", **asked).json()
    assert client.delete(plan["urls"]["self"]).status_code == HTTPStatus.NO_CONTENT
    again = client.post("/v1/jobs", **asked)
    assert again.json()["id"] == first["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/jobs", **asked | {"json": {"plan": plan["id"]}})
    assert other.json()["code"] == "idempotency_conflict"
    assert broker.sent == [(Task.PLAN, first["id"])]


def test_a_plan_goes_with_its_document_and_cover(client: TestClient, resources: Resources) -> None:
    files = {"file": ("big.txt", BIG), "cover": ("c.png", make_png())}
    plan = client.post("/v1/plans", files=files).json()
    assert len(stored_files(resources)) == 2
    job = client.post("/v1/jobs", json={"plan": plan["id"]}).json()
    assert job["source"]["size_bytes"] == len(BIG)
    assert len(stored_files(resources)) == 4
    assert client.delete(plan["urls"]["self"]).status_code == HTTPStatus.NO_CONTENT
    assert client.get(plan["urls"]["self"]).status_code == HTTPStatus.NOT_FOUND
    assert len(stored_files(resources)) == 2


def test_a_plan_whose_time_is_over_is_gone(client: TestClient, resources: Resources) -> None:
    plan = plan_book(client)
    with session_scope(resources.database) as session:
        session.execute(update(KeptPlan).values(expires_at=utc_now()))
    assert client.get(plan["urls"]["self"]).status_code == HTTPStatus.NOT_FOUND
    answer = client.post("/v1/jobs", json={"plan": plan["id"]})
    assert answer.json()["errors"][0]["pointer"] == "/plan"


def test_only_the_latest_plans_of_an_owner_are_kept(limited: Any, resources: Resources) -> None:
    with limited(limits={"plans": 2}) as client:
        made = [plan_book(client, BIG) for _ in range(3)]
        statuses = [client.get(plan["urls"]["self"]).status_code for plan in made]
    assert statuses == [HTTPStatus.NOT_FOUND, HTTPStatus.OK, HTTPStatus.OK]
    assert len(stored_files(resources)) == 2


def test_what_cannot_be_read_leaves_no_plan(client: TestClient, resources: Resources) -> None:
    answer = client.post("/v1/plans", files={"file": ("a.epub", b"PK\x03\x04 no")})
    assert answer.json()["code"] == "document_invalid"
    with session_scope(resources.database) as session:
        assert session.query(KeptPlan).count() == 0
