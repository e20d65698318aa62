"""Jobs over HTTP after their submission, each owner among their own."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.deps import Resources
from narration.broker.interface import Task
from narration.clock import utc_now
from narration.database import session_scope
from narration.documents.read import read_document
from narration.jobs.job_error import JobError
from narration.jobs.reading import record_reading, report_plan
from narration.jobs.reading_record import JobWarning
from narration.jobs.record import Chunk, Job, JobPlan, Segment
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.text.chunk import plan_chunks
from tests.unit.api.routes.jobs import BIG, TEXT, stored_files, submit


def set_job(resources: Resources, job_id: str, **values: object) -> None:
    with session_scope(resources.database) as session:
        session.execute(update(Job).where(Job.id == job_id).values(**values))


def test_unchanged_job_is_not_sent_twice(client: TestClient, resources: Resources) -> None:
    path = submit(client)["urls"]["self"]
    etag = {"If-None-Match": client.get(path).headers["etag"]}
    assert client.get(path, headers=etag).status_code == HTTPStatus.NOT_MODIFIED
    set_job(resources, path.rpartition("/")[2], updated_at=datetime.now(UTC))
    assert client.get(path, headers=etag).status_code == HTTPStatus.OK


def test_old_job_is_to_be_asked_less_often(client: TestClient, resources: Resources) -> None:
    job = submit(client)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    set_job(resources, job["id"], created_at=hour_ago)
    assert client.get(job["urls"]["self"]).headers["retry-after"] == "30"


def test_ended_job_is_not_to_be_asked_again(client: TestClient) -> None:
    answer = client.post(submit(client)["urls"]["cancel"])
    assert answer.json()["state"] == "canceled"
    assert "retry-after" not in answer.headers


def test_progress_shows_share_speech_and_time_left(
    client: TestClient, resources: Resources
) -> None:
    job = submit(client)
    a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    values = {"state": JobState.RENDERING, "planned_at": a_minute_ago, "characters": 1000}
    counts = {"characters_done": 250, "chunks_total": 40, "chunks_done": 10, "audio_ms": 16_500}
    set_job(resources, job["id"], **values, **counts)
    progress = client.get(job["urls"]["self"]).json()["progress"]
    assert progress["percent"] == 25.0
    assert progress["audio_s"] == 16.5
    assert progress["eta_s"] == pytest.approx(180, abs=5)


@pytest.mark.parametrize(("cached", "eta_s"), [(5, 150), (12, None)])
def test_time_left_counts_only_what_was_really_spoken(
    client: TestClient, resources: Resources, cached: int, eta_s: float | None
) -> None:
    job = submit(client)
    a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    counts = {"chunks_total": 40, "chunks_done": 15, "chunks_cached": cached}
    set_job(resources, job["id"], state=JobState.RENDERING, planned_at=a_minute_ago, **counts)
    told = client.get(job["urls"]["self"]).json()["progress"]["eta_s"]
    assert told == (eta_s if eta_s is None else pytest.approx(eta_s, abs=5))


def test_flagged_chunks_are_a_warning_that_says_where_to_look(
    client: TestClient, resources: Resources
) -> None:
    job = submit(client)
    set_job(resources, job["id"], chunks_total=9, chunks_flagged=2)
    warnings = client.get(job["urls"]["self"]).json()["warnings"]
    assert [warning["code"] for warning in warnings] == ["chunks_flagged"]
    assert f"{job['urls']['chunks']}?state=flagged" in warnings[0]["detail"]


def test_job_shows_how_its_document_was_read(client: TestClient, resources: Resources) -> None:
    job = submit(client)
    assert client.get(job["urls"]["self"]).json()["reading"] is None
    document = read_document(b"# One\n\nHe left. \xd0\xb6", name="a.md")
    reading = record_reading(report_plan(document, plan_chunks(document)))
    warning = JobWarning(code="unknown_characters", detail="1 character is unknown")
    plan = {"characters": 20, "chapters": (), "spans": []}
    with session_scope(resources.database) as session:
        row = JobPlan(job_id=job["id"], owner="local", reading=reading, **plan)
        session.add(row)
    set_job(resources, job["id"], planned_at=utc_now(), warnings=(warning,))
    shown = client.get(job["urls"]["self"]).json()
    assert shown["reading"] == reading.model_dump(mode="json")
    assert shown["warnings"] == [warning.model_dump()]
    (listed,) = client.get("/v1/jobs").json()["items"]
    assert (listed["reading"], listed["warnings"]) == (None, [warning.model_dump()])
    canceled = client.post(job["urls"]["cancel"]).json()
    assert canceled["reading"] == shown["reading"]


def test_failed_job_says_why_and_can_be_retried(
    client: TestClient, resources: Resources, broker: Any
) -> None:
    job = submit(client)
    error = JobError(code="quality_failed", message="chunk 3 is silent", is_retryable=True)
    set_job(resources, job["id"], state=JobState.FAILED, error=error)
    failed = client.get(job["urls"]["self"]).json()
    assert failed["error"] == {
        "code": "quality_failed", "detail": "chunk 3 is silent", "retryable": True,
    }  # fmt: skip
    retried = client.post(job["urls"]["retry"])
    assert retried.status_code == HTTPStatus.ACCEPTED
    assert (retried.json()["state"], retried.json()["attempt"]) == ("queued", 2)
    assert broker.sent[-1] == (Task.PLAN, job["id"])


def test_running_job_is_not_retried(client: TestClient) -> None:
    assert client.post(submit(client)["urls"]["retry"]).json()["code"] == "conflict"


def test_canceling_twice_is_no_error(client: TestClient) -> None:
    job = submit(client)
    client.post(job["urls"]["cancel"])
    assert client.post(job["urls"]["cancel"]).status_code == HTTPStatus.OK


def test_running_job_is_not_deleted(client: TestClient) -> None:
    assert client.delete(submit(client)["urls"]["self"]).json()["code"] == "conflict"


def test_deleted_job_takes_its_text_and_audio_along(
    client: TestClient, resources: Resources
) -> None:
    job = client.post("/v1/jobs", files={"file": ("big.txt", BIG)}).json()
    resources.stores.work.put(f"{job['id']}/1-1/audio.m4b", b"sound")
    client.post(job["urls"]["cancel"])
    assert client.delete(job["urls"]["self"]).status_code == HTTPStatus.NO_CONTENT
    assert client.get(job["urls"]["self"]).status_code == HTTPStatus.NOT_FOUND
    assert stored_files(resources) == []


def test_pages_follow_each_other_and_end(client: TestClient) -> None:
    ids = [submit(client, seed=seed)["id"] for seed in range(5)]
    first = client.get("/v1/jobs?limit=3")
    second = client.get(first.headers["link"].partition(">")[0].removeprefix("<"))
    assert [job["id"] for job in first.json()["items"] + second.json()["items"]] == ids[::-1]
    assert second.json()["next_cursor"] is None
    assert "link" not in second.headers


def test_jobs_are_found_by_state_and_label(client: TestClient) -> None:
    wanted = submit(client, labels={"book": "42", "part": "1"})
    submit(client, labels={"book": "43"})
    canceled = submit(client, labels={"book": "42"})
    client.post(canceled["urls"]["cancel"])
    found = client.get("/v1/jobs", params={"state": "queued", "label": ["book:42", "part:1"]})
    assert [job["id"] for job in found.json()["items"]] == [wanted["id"]]


def test_jobs_are_found_by_time(client: TestClient) -> None:
    submit(client)
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert client.get("/v1/jobs", params={"created_after": future}).json()["items"] == []
    assert len(client.get("/v1/jobs", params={"created_before": future}).json()["items"]) == 1


def test_jobs_are_found_by_words(client: TestClient) -> None:
    giant = submit(client, title="The Selfish Giant")
    submit(client, title="Another tale", author="100 % true")
    for words in ("selfish", "FISH g"):
        items = client.get("/v1/jobs", params={"search": words}).json()["items"]
        assert [job["id"] for job in items] == [giant["id"]]
    assert len(client.get("/v1/jobs", params={"search": "0 % t"}).json()["items"]) == 1
    assert client.get("/v1/jobs", params={"search": "e_f"}).json()["items"] == []


def test_label_filter_without_a_value_is_refused(client: TestClient) -> None:
    assert client.get("/v1/jobs?label=book").status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_chunks_are_listed_in_order_with_exact_seeds(
    client: TestClient, resources: Resources
) -> None:
    job = submit(client)
    _add_chunks(resources, job["id"])
    page = client.get(f"{job['urls']['chunks']}?limit=2").json()
    assert [chunk["index"] for chunk in page["items"]] == [0, 1]
    assert page["items"][0]["seed"] == str(2**63 - 1)
    flagged = client.get(f"{job['urls']['chunks']}?state=flagged").json()
    assert [chunk["index"] for chunk in flagged["items"]] == [2]


def _add_chunks(resources: Resources, job_id: str) -> None:
    states = [ChunkState.ACCEPTED, ChunkState.PENDING, ChunkState.FLAGGED]
    with session_scope(resources.database) as session:
        common: dict[str, Any] = {"job_id": job_id, "owner": "local"}
        session.add(Segment(index=0, state=SegmentState.PENDING, **common))
        for index, state in enumerate(states):
            session.add(
                Chunk(
                    **common,
                    index=index,
                    segment=0,
                    state=state,
                    chapter=0,
                    start=index,
                    end=index + 1,
                    text="a",
                    caption="a",
                    spoken_text="a",
                    pause_after_ms=0,
                    seed=2**63 - 1,
                    findings=(),
                )
            )


def test_owners_do_not_see_each_other(limited: Any) -> None:
    with limited(api={"keys": {"ann": "key-a", "bob": "key-b"}}) as client:
        ann, bob = ({"Authorization": f"Bearer {key}"} for key in ("key-a", "key-b"))
        job = client.post("/v1/jobs", json={"text": TEXT}, headers=ann).json()
        for method, path in [
            ("GET", job["urls"]["self"]),
            ("GET", job["urls"]["chunks"]),
            ("GET", job["urls"]["artifacts"]),
            ("POST", job["urls"]["cancel"]),
            ("POST", job["urls"]["retry"]),
            ("DELETE", job["urls"]["self"]),
        ]:
            assert client.request(method, path, headers=bob).status_code == HTTPStatus.NOT_FOUND
        assert client.get("/v1/jobs", headers=bob).json()["items"] == []
        assert client.get(job["urls"]["self"], headers=ann).status_code == HTTPStatus.OK


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic key-a", "Bearer ", "key-a"])
def test_wrong_key_is_refused(limited: Any, given: str | None) -> None:
    with limited(api={"keys": {"ann": "key-a"}}) as client:
        answer = client.get("/v1/jobs", headers={"Authorization": given} if given else {})
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")
