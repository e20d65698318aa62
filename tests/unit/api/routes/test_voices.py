"""Recordings are checked before they are stored; workers do the rest."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.deps import Resources
from narration import workers
from narration.broker.interface import Task
from narration.clock import utc_now
from narration.database import session_scope
from narration.engine import EngineIdentity
from narration.voices.claim import mark_voice_failed, mark_voice_ready
from narration.workers import WorkerEngine, WorkerState
from tests.unit.api.conftest import recording

ENGINE = EngineIdentity(
    model="tone", revision="0", back_end="tone", precision="float32", device="cpu",
    is_watermarked=True,
)  # fmt: skip

SIX_SECONDS = recording(6)


def upload(client: TestClient, name: str = "anna", data: bytes = SIX_SECONDS) -> Response:
    return client.post("/v1/voices", data={"name": name}, files={"file": ("anna.wav", data)})


def bundled_names(client: TestClient) -> list[str]:
    return [voice["name"] for voice in client.get("/v1/voices").json()["bundled"]]


def stored_files(resources: Resources) -> list[Path]:
    return [path for path in resources.settings.objects_dir.rglob("*") if path.is_file()]


def test_recording_is_stored_and_its_preparation_announced(
    client: TestClient, resources: Resources, broker: Any
) -> None:
    answer = upload(client)
    voice = answer.json()
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert answer.headers["location"] == f"/v1/voices/{voice['id']}"
    assert (voice["state"], voice["duration_s"]) == ("preparing", 6.0)
    assert broker.sent == [(Task.PREPARE_VOICE, voice["id"])]
    assert [path.read_bytes() for path in stored_files(resources)] == [SIX_SECONDS]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (recording(4.9), "at least 5 s"),
        (b"no sound", "not a sound file"),
        (b"", "is empty"),
        (recording(12, format="OGG", subtype="OPUS")[:-100], "breaks off after 1"),
    ],
    ids=["short", "no sound", "empty", "breaks off"],
)
def test_recording_that_makes_no_voice_leaves_nothing_behind(
    client: TestClient, resources: Resources, broker: Any, data: bytes, reason: str
) -> None:
    answer = upload(client, data=data)
    assert answer.json()["code"] == "voice_rejected"
    assert reason in answer.json()["detail"]
    assert client.get("/v1/voices").json()["items"] == []
    assert (stored_files(resources), broker.sent) == ([], [])


@pytest.mark.parametrize("name", ["", "../anna", "an na", "-anna", "a" * 64])
def test_unusable_name_is_refused(client: TestClient, name: str) -> None:
    assert upload(client, name=name).json()["errors"][0]["pointer"] == "/name"


def test_same_recording_under_the_same_name_is_the_same_voice(
    client: TestClient, broker: Any
) -> None:
    first, again = upload(client), upload(client)
    assert again.status_code == HTTPStatus.OK
    assert again.json()["id"] == first.json()["id"]
    assert len(broker.sent) == 1


def test_other_recording_under_a_taken_name_is_refused(
    client: TestClient, resources: Resources
) -> None:
    upload(client)
    assert upload(client, data=recording(7)).json()["code"] == "conflict"
    assert len(stored_files(resources)) == 1


def test_job_waits_for_its_voice(client: TestClient, resources: Resources) -> None:
    voice = upload(client).json()
    body = {"text": "Hello there.", "voice": "anna"}
    early = client.post("/v1/jobs", json=body)
    assert early.json()["code"] == "voice_not_ready"
    assert early.headers["retry-after"]
    with session_scope(resources.database) as session:
        mark_voice_ready(session, voice["id"], digest="d", conditioning_key="k")
    assert client.post("/v1/jobs", json=body).status_code == HTTPStatus.ACCEPTED
    by_id = client.post("/v1/jobs", json=body | {"voice": voice["id"]})
    assert by_id.status_code == HTTPStatus.ACCEPTED


def test_job_with_a_failed_voice_is_told_why(client: TestClient, resources: Resources) -> None:
    voice = upload(client).json()
    with session_scope(resources.database) as session:
        mark_voice_failed(session, voice["id"], "two people speak")
    answer = client.post("/v1/jobs", json={"text": "Hello there.", "voice": "anna"})
    assert answer.json()["code"] == "voice_rejected"
    assert "two people speak" in answer.json()["detail"]


def test_deleted_voice_takes_its_recording_along(client: TestClient, resources: Resources) -> None:
    path = f"/v1/voices/{upload(client).json()['id']}"
    assert client.delete(path).status_code == HTTPStatus.NO_CONTENT
    assert client.get(path).status_code == HTTPStatus.NOT_FOUND
    assert stored_files(resources) == []


def test_voices_are_listed_by_name(client: TestClient) -> None:
    upload(client, name="zoe")
    upload(client, name="bob", data=recording(7))
    assert [v["name"] for v in client.get("/v1/voices").json()["items"]] == ["bob", "zoe"]


def test_owners_do_not_see_each_others_voices(limited: Any) -> None:
    with limited(api={"keys": {"ann": "key-a", "bob": "key-b"}}) as client:
        client.headers["Authorization"] = "Bearer key-a"
        path = f"/v1/voices/{upload(client).json()['id']}"
        client.headers["Authorization"] = "Bearer key-b"
        assert client.get("/v1/voices").json()["items"] == []
        assert client.get(path).status_code == HTTPStatus.NOT_FOUND
        assert client.delete(path).status_code == HTTPStatus.NOT_FOUND


def test_voices_of_warm_workers_can_be_named(client: TestClient, resources: Resources) -> None:
    body = {"text": "Hello there.", "voice": "storyteller"}
    assert client.post("/v1/jobs", json=body).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    with session_scope(resources.database) as session:
        workers.register(session, "w1", slots=1, now=utc_now())
        engine = WorkerEngine(
            identity=ENGINE, voices=dict.fromkeys(("default", "storyteller"), "d" * 64)
        )
        workers.report(
            session, "w1", state=WorkerState.READY, slots=1, now=utc_now(), engine=engine
        )
    assert bundled_names(client) == ["default", "storyteller"]
    assert client.post("/v1/jobs", json=body).status_code == HTTPStatus.ACCEPTED


def test_the_default_voice_is_there_before_any_worker_is(client: TestClient) -> None:
    (voice,) = client.get("/v1/voices").json()["bundled"]
    assert (voice["id"], voice["is_bundled"]) == ("default", True)
    assert client.get("/v1/voices/default").json() == voice
    assert client.get("/v1/voices/nobody").status_code == HTTPStatus.NOT_FOUND


def test_an_own_voice_goes_before_a_bundled_one_of_its_name(client: TestClient) -> None:
    upload(client, name="default")
    assert bundled_names(client) == []
    assert client.get("/v1/voices/default").status_code == HTTPStatus.NOT_FOUND


def test_a_preview_is_begun_once_and_found_again(client: TestClient, broker: Any) -> None:
    first = client.get("/v1/voices/default/preview")
    again = client.get("/v1/voices/default/preview")
    assert (first.status_code, again.status_code) == (HTTPStatus.ACCEPTED, HTTPStatus.ACCEPTED)
    assert first.headers["retry-after"] == "1"
    assert first.headers["location"] == again.headers["location"]
    assert broker.sent == [(Task.RENDER,)]
    assert first.json()["kind"] == "preview"
    assert client.get("/v1/jobs").json()["items"] == []


def test_a_preview_of_another_expression_is_another_preview(client: TestClient) -> None:
    usual = client.get("/v1/voices/default/preview").json()
    lively = client.get("/v1/voices/default/preview", params={"exaggeration": 1.2})
    again = client.get("/v1/voices/default/preview", params={"exaggeration": 1.2})
    assert lively.json()["settings"]["delivery"]["exaggeration"] == 1.2
    assert lively.json()["id"] == again.json()["id"] != usual["id"]
    wild = client.get("/v1/voices/default/preview", params={"exaggeration": 3})
    assert wild.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_preview_waits_for_its_voice(client: TestClient) -> None:
    voice = upload(client).json()
    answer = client.get(voice["preview"])
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "voice_not_ready")
    assert answer.headers["retry-after"]


def test_a_preview_that_was_canceled_says_so_before_it_is_spoken_again(client: TestClient) -> None:
    job = client.get("/v1/voices/default/preview").json()
    client.post(job["urls"]["cancel"])
    answer = client.get("/v1/voices/default/preview")
    assert answer.json()["code"] == "chunk_failed"


def test_a_name_that_could_be_an_id_is_refused(client: TestClient, resources: Resources) -> None:
    taken = upload(client).json()["id"]
    for name in (taken, f"voice_{'0' * 26}"):
        answer = upload(client, name)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["errors"][0]["pointer"] == "/name"
    assert len(stored_files(resources)) == 1
