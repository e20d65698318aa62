"""Owners' notes on voices: tags, default delivery settings, consent."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration import workers
from narration.clock import utc_now
from narration.database import session_scope
from narration.voices.claim import mark_voice_ready
from narration.workers import WorkerEngine, WorkerState
from tests.fakes import TONE
from tests.unit.api.conftest import recording
from tests.unit.api.routes.jobs import submit

SIX_SECONDS = recording(6)
NOTES: dict[str, Any] = {
    "tags": ["warm", "english"],
    "delivery": {"exaggeration": 0.9, "temperature": 0.4},
    "consent": "Anna agreed to narrations of her own books on 2026-11-01, by letter.",
}


def enrol(
    client: TestClient, resources: Resources, notes: Any = None, name: str = "anna"
) -> dict[str, Any]:
    data = {"name": name} | ({} if notes is None else {"voice": json.dumps(notes)})
    answer = client.post("/v1/voices", data=data, files={"file": ("a.wav", SIX_SECONDS)})
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    voice: dict[str, Any] = answer.json()
    with session_scope(resources.database) as session:
        mark_voice_ready(
            session, voice["id"], digest="d" * 64, conditioning_key="k", similarity=0.87
        )
    return voice


def at(voice: dict[str, Any]) -> str:
    return f"/v1/voices/{voice['id']}"


def delivery_of(job: dict[str, Any]) -> tuple[float, float, float]:
    delivery = job["settings"]["delivery"]
    return delivery["exaggeration"], delivery["temperature"], delivery["cfg_weight"]


def test_notes_come_with_a_recording_and_are_shown(
    client: TestClient, resources: Resources
) -> None:
    voice = client.get(at(enrol(client, resources, NOTES))).json()
    assert (voice["tags"], voice["consent"]) == (NOTES["tags"], NOTES["consent"])
    assert voice["delivery"]["exaggeration"] == 0.9
    assert voice["similarity"] == 0.87


def test_a_voice_without_notes_has_none(client: TestClient, resources: Resources) -> None:
    voice = client.get(at(enrol(client, resources))).json()
    assert (voice["tags"], voice["delivery"], voice["consent"]) == ([], None, None)


def test_what_a_change_leaves_out_stays_and_null_takes_away(
    client: TestClient, resources: Resources
) -> None:
    made = enrol(client, resources, NOTES)
    changed = client.patch(at(made), json={"tags": ["slow", "slow"]}).json()
    assert (changed["tags"], changed["consent"]) == (["slow"], NOTES["consent"])
    changed = client.patch(at(made), json={"consent": None, "delivery": None}).json()
    assert (changed["tags"], changed["delivery"], changed["consent"]) == (["slow"], None, None)
    assert client.patch(at(made), json={"tags": None}).json()["tags"] == []
    assert client.get(at(made)).json()["tags"] == []


@pytest.mark.parametrize(
    "notes",
    [
        {"tags": [""]},
        {"tags": ["x" * 65]},
        {"tags": [str(number) for number in range(21)]},
        {"tags": "warm"},
        {"delivery": {"exaggeration": 9}},
        {"delivery": {"speed": 1}},
        {"consent": "x" * 1001},
        {"consent": "a\x00b"},
        {"name": "other"},
    ],
)
def test_notes_that_make_no_sense_are_refused(
    client: TestClient, resources: Resources, notes: dict[str, Any]
) -> None:
    made = enrol(client, resources)
    refused = client.patch(at(made), json=notes)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    files = {"file": ("b.wav", SIX_SECONDS)}
    data = {"name": "b", "voice": json.dumps(notes)}
    refused = client.post("/v1/voices", data=data, files=files)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_jobs_speak_as_their_voice_does_where_they_say_nothing_else(
    client: TestClient, resources: Resources
) -> None:
    enrol(client, resources, NOTES)
    assert delivery_of(submit(client, voice="anna")) == (0.9, 0.4, 0.5)
    own = submit(client, voice="anna", delivery={"exaggeration": 0.1, "cfg_weight": 0.3})
    assert delivery_of(own) == (0.1, 0.4, 0.3)
    assert delivery_of(submit(client)) == (0.5, 0.8, 0.5)


def test_a_plan_and_speech_speak_as_their_voice_does_too(
    client: TestClient, resources: Resources
) -> None:
    made = enrol(client, resources, NOTES)
    plan = client.post("/v1/plans", json={"text": "It rained.", "voice": "anna"}).json()
    client.patch(at(made), json={"delivery": {"exaggeration": 0.2}})
    job = client.post("/v1/jobs", json={"plan": plan["id"], "delivery": {"cfg_weight": 0.1}})
    assert delivery_of(job.json()) == (0.9, 0.4, 0.1)
    spoken = {"model": "rhapsode", "input": "Hello.", "voice": "anna"}
    answer = client.post(
        "/v1/audio/speech", json=spoken, headers={"Prefer": "respond-async"}
    ).json()
    assert delivery_of(answer) == (0.2, 0.8, 0.5)


def test_a_repeated_request_finds_its_job_although_the_voice_speaks_otherwise_by_now(
    client: TestClient, resources: Resources
) -> None:
    made = enrol(client, resources, NOTES)
    asked: dict[str, Any] = {
        "json": {"text": "It rained.", "voice": "anna"},
        "headers": {"Idempotency-Key": "once"},
    }
    first = client.post("/v1/jobs", **asked).json()
    client.patch(at(made), json={"delivery": None})
    assert client.post("/v1/jobs", **asked).json()["id"] == first["id"]


def test_a_preview_is_spoken_anew_when_the_voice_shall_speak_otherwise(
    client: TestClient, resources: Resources
) -> None:
    made = enrol(client, resources)
    first = client.get(f"{at(made)}/preview").json()
    assert client.get(f"{at(made)}/preview").json()["id"] == first["id"]
    client.patch(at(made), json={"delivery": {"exaggeration": 0.9}})
    second = client.get(f"{at(made)}/preview").json()
    assert second["id"] != first["id"]
    assert delivery_of(second)[0] == 0.9


def test_voices_are_found_by_their_tags(client: TestClient, resources: Resources) -> None:
    enrol(client, resources, {"tags": ["warm", "english"]}, name="a")
    enrol(client, resources, {"tags": ["warm"]}, name="b")

    def found(*tags: str) -> list[str]:
        items = client.get("/v1/voices", params={"tag": list(tags)}).json()["items"]
        return [voice["name"] for voice in items]

    assert (found(), found("warm"), found("warm", "english"), found("cold")) == (
        ["a", "b"], ["a", "b"], ["a"], [],
    )  # fmt: skip


def test_bundled_voices_show_what_they_consist_of(client: TestClient, resources: Resources) -> None:
    assert client.get("/v1/voices/default").json()["digest"] is None
    with session_scope(resources.database) as session:
        workers.register(session, "w1", slots=1, now=utc_now())
        engine = WorkerEngine(identity=TONE, voices={"default": "d" * 64})
        state = WorkerState.READY
        workers.report(session, "w1", state=state, slots=1, now=utc_now(), engine=engine)
    voice = client.get("/v1/voices/default").json()
    assert (voice["digest"], voice["is_bundled"], voice["tags"]) == ("d" * 64, True, [])
