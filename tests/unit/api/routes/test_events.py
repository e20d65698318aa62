"""Events over HTTP: where a stream starts, what it contains, and when it ends."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import StorageUnavailable
from narration.jobs.advance import fail_job
from narration.jobs.control import cancel_job
from tests.unit.api.routes.jobs import submit


def events_of(body: str) -> list[dict[str, Any]]:
    lines = [line for line in body.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_stream_of_an_ended_job_tells_all_and_ends(client: TestClient) -> None:
    job = submit(client)
    client.post(job["urls"]["cancel"])
    answer = client.get(job["urls"]["events"])
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert [(event["number"], event["type"]) for event in events] == [
        (1, "job.queued"),
        (2, "job.canceled"),
    ]
    assert {event["job_id"] for event in events} == {job["id"]}
    assert "id: 2\nevent: job.canceled\n" in answer.text


def test_stream_resumes_after_what_was_seen_and_then_asks_for_no_more(client: TestClient) -> None:
    job = submit(client)
    client.post(job["urls"]["cancel"])
    path = job["urls"]["events"]
    resumed = client.get(path, headers={"Last-Event-ID": "1"})
    assert [event["type"] for event in events_of(resumed.text)] == ["job.canceled"]
    assert events_of(client.get(path, params={"after": "1"}).text) == events_of(resumed.text)
    done = client.get(path, headers={"Last-Event-ID": "2"})
    assert done.status_code == HTTPStatus.NO_CONTENT


def test_deleted_job_is_told_of_to_whoever_has_not_heard(client: TestClient) -> None:
    job = submit(client)
    client.post(f"{job['urls']['self']}/cancel")
    assert client.delete(job["urls"]["self"]).is_success
    events = events_of(client.get(job["urls"]["events"], headers={"Last-Event-ID": "1"}).text)
    assert [event["type"] for event in events] == ["job.canceled", "job.deleted"]
    heard = client.get(job["urls"]["events"], headers={"Last-Event-ID": "3"})
    assert heard.status_code == HTTPStatus.NOT_FOUND


def test_failure_in_a_stream_keeps_secrets(client: TestClient, resources: Resources) -> None:
    job = submit(client)
    with session_scope(resources.database) as session:
        error = StorageUnavailable("https://10.1.2.3/bucket: refused")
        fail_job(session, job["id"], error, now=utc_now())
    body = client.get(job["urls"]["events"]).text
    (failure,) = [event["data"]["error"] for event in events_of(body) if "error" in event["data"]]
    assert failure["code"] == "storage_unavailable"
    assert "10.1.2.3" not in body


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "9" * 40, "٣"])
def test_place_that_is_none_is_refused(client: TestClient, number: str) -> None:
    path = submit(client)["urls"]["events"]
    for address in (path, "/v1/events"):
        answer = client.get(address, params={"after": number})
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["errors"][0]["pointer"] == "/after"


def test_head_of_a_stream_ends(client: TestClient) -> None:
    for path in (submit(client)["urls"]["events"], "/v1/events"):
        answer = client.head(path)
        assert answer.headers["content-type"].startswith("text/event-stream")


def test_stream_of_all_jobs_begins_no_later_than_now(client: TestClient, app: FastAPI) -> None:
    submit(client)
    feed = app.state.feed
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(client.get, "/v1/events", params={"after": "999999-0"})
        wait_for(lambda: any(topic.head for topic in feed._topics.values()))
        job = submit(client)
        wait_for(lambda: any(topic.recent for topic in feed._topics.values()))
        assert client.portal is not None
        client.portal.call(feed.end_streams)
        events = events_of(stream.result(timeout=10).text)
    assert [(event["job_id"], event["type"]) for event in events] == [(job["id"], "job.queued")]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def soon(action: Any) -> threading.Thread:
    def act() -> None:
        time.sleep(0.3)
        action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def cancel(resources: Resources, job_id: str) -> None:
    with session_scope(resources.database) as session:
        cancel_job(session, job_id, owner="local", now=utc_now())


def test_poll_waits_until_the_job_has_ended(client: TestClient, resources: Resources) -> None:
    job = submit(client)
    thread = soon(lambda: cancel(resources, job["id"]))
    started = time.monotonic()
    answer = client.get(job["urls"]["self"], params={"wait": 20})
    assert answer.json()["state"] == "canceled"
    assert 0.2 < time.monotonic() - started < 5
    thread.join()


def test_poll_waits_for_news_where_something_is_known(
    client: TestClient, resources: Resources
) -> None:
    job = submit(client)
    etag = client.get(job["urls"]["self"]).headers["etag"]
    headers = {"If-None-Match": etag, "Prefer": "respond-async, wait=1"}
    answer = client.get(job["urls"]["self"], headers=headers)
    assert answer.status_code == HTTPStatus.NOT_MODIFIED
    assert answer.headers["preference-applied"] == "wait=1"
    thread = soon(lambda: cancel(resources, job["id"]))
    headers["Prefer"] = "wait=20"
    assert client.get(job["urls"]["self"], headers=headers).json()["state"] == "canceled"
    thread.join()


def test_wait_has_a_limit(client: TestClient) -> None:
    path = submit(client)["urls"]["self"]
    assert client.get(path, params={"wait": 61}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_submission_may_wait_for_the_end(client: TestClient, resources: Resources) -> None:
    body = {"text": "Once upon a time."}
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=1"})
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert answer.headers["preference-applied"] == "wait=1"

    def cancel_both() -> None:
        while len(jobs := client.get("/v1/jobs").json()["items"]) < 2:
            time.sleep(0.05)
        for job in jobs:
            cancel(resources, job["id"])

    thread = threading.Thread(target=cancel_both, daemon=True)
    thread.start()
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["state"]) == (HTTPStatus.OK, "canceled")
    assert answer.headers["location"] == answer.json()["urls"]["self"]
    thread.join()
