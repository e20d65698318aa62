from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from narration.broker.interface import Task

SPEECH = {"model": "rhapsode", "input": "Hello there."}
SHORT: dict[str, dict[str, object]] = {"limits": {"speech_wait_s": 0.2}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"speed": 2}, "speed"),
        ({"speed": "1"}, "speed"),
        ({"instructions": "Whisper."}, "instructions"),
        ({"stream_format": "video"}, "stream_format"),
        ({"seed": -1}, "seed"),
        ({"pitch": 1}, "pitch"),
    ],
)
def test_what_cannot_be_honoured_is_refused_at_its_field(
    client: TestClient, fields: dict[str, object], param: str
) -> None:
    answer = client.post("/v1/audio/speech", json=SPEECH | fields)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    problem = answer.json()
    assert (problem["status"], problem["error"]["param"]) == (400, param)
    assert problem["error"]["message"] == problem["detail"]


@pytest.mark.parametrize("voice", ["nobody", {"id": "voice_00000000000000000000000000"}])
def test_an_unknown_voice_is_not_found(client: TestClient, voice: Any) -> None:
    answer = client.post("/v1/audio/speech", json=SPEECH | {"voice": voice})
    assert answer.status_code == HTTPStatus.NOT_FOUND


def test_only_json_is_read(client: TestClient) -> None:
    answer = client.post("/v1/audio/speech", content=b"{}")
    assert answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def test_speech_is_planned_at_once_and_wakes_who_speaks(limited: Any, broker: Any) -> None:
    with limited(**SHORT) as client:
        answer = client.post("/v1/audio/speech", json=SPEECH)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE  # no worker is running
        (job,) = client.get("/v1/jobs?kind=speech").json()["items"]
    assert broker.sent == [(Task.RENDER,)]
    assert (job["state"], job["progress"]["chunks_total"]) == ("canceled", 1)
    assert (job["settings"]["outputs"], job["settings"]["retention_s"]) == ([], 3600)


def test_a_request_that_prefers_it_becomes_a_narration(client: TestClient, broker: Any) -> None:
    headers = {"Prefer": "respond-async"}
    body = SPEECH | {"response_format": "aac", "input": "Hello there. " * 1000}
    answer = client.post("/v1/audio/speech", json=body, headers=headers)
    assert answer.status_code == HTTPStatus.ACCEPTED
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert (job["kind"], job["settings"]["outputs"]) == ("narration", ["m4a"])
    assert broker.sent == [(Task.PLAN, job["id"])]


def test_no_caller_asks_for_a_job_that_delivers_nothing(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json={"text": "Hello.", "outputs": []})
    assert answer.json()["errors"][0]["pointer"] == "/outputs"


def test_the_service_is_a_model_even_where_nobody_is_warm(client: TestClient) -> None:
    models = client.get("/v1/models").json()
    assert [model["id"] for model in models["data"]] == ["rhapsode"]
    assert client.get("/v1/models/rhapsode").json() == models["data"][0]
    assert client.get("/v1/models/gone").json()["error"]["code"] == "not_found"
