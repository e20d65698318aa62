"""Nothing of one owner is seen or changed by another, on any route that names it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.unit.api.conftest import recording
from tests.unit.api.routes.jobs import submit

ANN, BOB = ({"Authorization": f"Bearer {name}-key"} for name in ("ann", "bob"))


@pytest.fixture
def client(limited: Any) -> Iterator[TestClient]:
    with limited(api={"keys": {"ann": "ann-key", "bob": "bob-key"}}) as client:
        yield client


def routes(client: TestClient) -> list[tuple[str, str]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [
        (method, path)
        for path, calls in paths.items()
        for method in calls
        if path.startswith("/v1/")
    ]


def test_every_route_that_names_a_thing_hides_it_from_others(client: TestClient) -> None:
    client.headers.update(ANN)
    job = submit(client, labels={"whose": "ann"})
    files = {"file": ("me.wav", recording(6.0))}
    voice = client.post("/v1/voices", data={"name": "me"}, files=files).json()
    ids = {"{job_id}": job["id"], "{voice_id}": voice["id"], "{name}": "audio.m4b"}
    named = [(method, path) for method, path in routes(client) if "{" in path]
    assert len(named) >= 9
    for method, path in named:
        address = path
        for placeholder, value in ids.items():
            address = address.replace(placeholder, value)
        answer = client.request(method, address, headers=BOB)
        assert answer.json()["code"] == "not_found", f"{method} {path}"
    assert client.get(job["urls"]["self"]).json()["state"] == "queued"
    assert client.get(f"/v1/voices/{voice['id']}").is_success


def test_lists_and_names_are_each_owners_own(client: TestClient) -> None:
    client.headers.update(ANN)
    submit(client)
    files = {"file": ("me.wav", recording(6.0))}
    client.post("/v1/voices", data={"name": "me"}, files=files)
    assert client.get("/v1/jobs", headers=BOB).json()["items"] == []
    assert client.get("/v1/voices", headers=BOB).json()["items"] == []
    theirs = client.post("/v1/jobs", json={"text": "Hello.", "voice": "me"}, headers=BOB)
    assert theirs.json()["errors"][0]["pointer"] == "/voice"
    again = client.post("/v1/voices", data={"name": "me"}, files=files, headers=BOB)
    assert again.status_code == HTTPStatus.ACCEPTED


def test_every_route_of_owners_asks_for_a_key(client: TestClient) -> None:
    for method, path in routes(client):
        if path == "/v1/session":  # where a key is handed in
            continue
        answer = client.request(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, f"{method} {path}"
