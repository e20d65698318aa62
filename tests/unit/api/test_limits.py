"""Responses to limited keys state what is left; beyond the limit they say when to try again."""

from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.keys.scopes import KeyLimits, Scope
from tests.unit.api.conftest import LimitedClients
from tests.unit.api.keys import SAME_SITE, bearer, make
from tests.unit.api.routes.jobs import submit
from tests.unit.api.routes.mending import delivered


def with_limits(client: TestClient, resources: Resources, **limits: int) -> TestClient:
    client.headers.update(bearer(make(resources, limits=KeyLimits(**limits))))
    return client


def require_refusal(answer: Any, policy: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (
        HTTPStatus.TOO_MANY_REQUESTS,
        "limit_reached",
    )
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["ratelimit"].startswith(f'"{policy}";r=')
    assert f'"{policy}";q=' in answer.headers["ratelimit-policy"]


def test_requests_a_minute_count_down(client: TestClient, resources: Resources) -> None:
    with_limits(client, resources, requests_a_minute=2)
    answers = [client.get("/v1/jobs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"requests";r=1;t=60',
        '"requests";r=0;t=60',
        '"requests";r=0;t=60',
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"requests";q=2;w=60'}
    require_refusal(answers[-1], "requests")
    assert "2 requests a minute" in answers[-1].json()["detail"]


def test_what_is_refused_for_its_scope_is_counted_too(
    client: TestClient, resources: Resources
) -> None:
    limits = KeyLimits(requests_a_minute=1)
    client.headers.update(bearer(make(resources, Scope.READ, limits=limits)))
    assert client.post("/v1/jobs", json={"text": "Hello."}).json()["code"] == "scope_missing"
    require_refusal(client.post("/v1/jobs", json={"text": "Hello."}), "requests")


def test_browsers_share_the_limits_of_their_key(client: TestClient, resources: Resources) -> None:
    key = make(resources, limits=KeyLimits(requests_a_minute=2))
    for _ in range(2):
        client.cookies.clear()
        client.post("/v1/session", json={"key": key.secret}, headers=SAME_SITE)
        assert client.get("/v1/jobs").status_code == HTTPStatus.OK
    require_refusal(client.get("/v1/jobs"), "requests")


def test_players_are_not_counted(client: TestClient, resources: Resources) -> None:
    key = make(resources, limits=KeyLimits(requests_a_minute=1))
    job = client.post("/v1/jobs", json={"text": "Hello."}, headers=bearer(key)).json()
    for _ in range(3):
        assert client.get(job["urls"]["listen"]).json()["code"] == "nothing_spoken"


def test_a_key_without_limits_is_told_nothing(client: TestClient, resources: Resources) -> None:
    answer = with_limits(client, resources).get("/v1/jobs")
    assert not [name for name in answer.headers if name.startswith("ratelimit")]


def test_limits_of_the_settings_hold_for_keys_without_their_own(
    limited: LimitedClients, resources: Resources
) -> None:
    usual, own = make(resources), make(resources, limits=KeyLimits(requests_a_minute=5))
    with limited(limits={"key_requests_a_minute": 1}) as client:
        assert client.get("/v1/jobs", headers=bearer(usual)).status_code == HTTPStatus.OK
        require_refusal(client.get("/v1/jobs", headers=bearer(usual)), "requests")
        answer = client.get("/v1/jobs", headers=bearer(own))
        assert answer.headers["ratelimit-policy"] == '"requests";q=5;w=60'


def test_characters_a_day_are_those_of_the_documents(
    client: TestClient, resources: Resources
) -> None:
    with_limits(client, resources, characters_a_day=20)
    assert client.post("/v1/jobs", json={"text": "Twelve here."}).status_code == 202
    refused = client.post("/v1/jobs", json={"text": "Twelve more."})
    require_refusal(refused, "characters")
    assert "8 are left" in refused.json()["detail"]
    assert len(client.get("/v1/jobs").json()["items"]) == 1
    speech = {"model": "rhapsode", "input": "Twelve more.", "voice": "default"}
    spoken = client.post("/v1/audio/speech", json=speech)
    require_refusal(spoken, "characters")
    assert spoken.json()["error"]["type"] == "rate_limit_error"


def test_a_repeated_submission_is_counted_once(client: TestClient, resources: Resources) -> None:
    with_limits(client, resources, characters_a_day=12, queued_jobs=1)
    headers = {"Idempotency-Key": "one"}
    for _ in range(3):
        answer = client.post("/v1/jobs", json={"text": "Twelve here."}, headers=headers)
        assert answer.status_code == HTTPStatus.ACCEPTED


def test_narrations_under_way_are_bounded(client: TestClient, resources: Resources) -> None:
    with_limits(client, resources, queued_jobs=1)
    job = submit(client)
    require_refusal(client.post("/v1/jobs", json={"text": "Hello."}), "jobs")
    files = {"file": ("a.txt", b"Hello.")}
    require_refusal(client.post("/v1/jobs", files=files), "jobs")
    client.post(job["urls"]["cancel"])
    other = submit(client)
    require_refusal(client.post(f"/v1/jobs/{job['id']}/retry"), "jobs")
    client.post(other["urls"]["cancel"])
    assert client.post(f"/v1/jobs/{job['id']}/retry").status_code == HTTPStatus.ACCEPTED


def test_another_key_of_the_owner_has_limits_of_its_own(
    client: TestClient, resources: Resources
) -> None:
    with_limits(client, resources, queued_jobs=1)
    submit(client)
    answer = client.post("/v1/jobs", json={"text": "Hello."}, headers=bearer(make(resources)))
    assert answer.status_code == HTTPStatus.ACCEPTED


@pytest.mark.parametrize("path", ["/v1/events", f"/v1/jobs/job_{'0' * 26}/events"])
def test_a_stream_gives_its_place_back(client: TestClient, resources: Resources, path: str) -> None:
    with_limits(client, resources, streams=1)
    for _ in range(3):
        answer = client.head(path)
        assert answer.headers["ratelimit"] == '"streams";r=0'
        assert answer.status_code != HTTPStatus.TOO_MANY_REQUESTS


def test_a_chunk_that_is_retaken_is_counted(client: TestClient, resources: Resources) -> None:
    key = make(resources, limits=KeyLimits(characters_a_day=46))
    client.headers.update(bearer(make(resources)))
    path = delivered(client, resources)
    client.headers.update(bearer(key))
    assert client.post("/v1/jobs", json={"text": "Hello."}).status_code == HTTPStatus.ACCEPTED
    long, short = ({"spoken_text": "a" * count} for count in (41, 40))
    require_refusal(client.post(f"{path}/chunks/0/retake", json=long), "characters")
    assert client.get(path).json()["state"] == "succeeded"
    answer = client.post(f"{path}/chunks/0/retake", json=short)
    assert answer.status_code == HTTPStatus.ACCEPTED
    require_refusal(client.post("/v1/jobs", json={"text": "Hello."}), "characters")
