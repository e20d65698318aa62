"""Malformed requests are refused before any route, and responses have security headers."""

from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from tests.unit.api.conftest import recording
from tests.unit.api.routes.jobs import TEXT, submit

NOWHERE = f"job_{'0' * 26}"
REFUSED = {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/%00",
        "/v1/jobs/%00/chunks",
        "/v1/jobs/%00/artifacts",
        f"/v1/jobs/{NOWHERE}/artifacts/%0A",
        "/v1/voices/%00",
        "/v1/jobs/%ff",
        "/v1/jobs?cursor=%00",
        "/v1/jobs?label=a:%00",
        "/v1/jobs?label=a:%ED%A0%80",
        "/v1/jobs?label=%1F:a",
    ],
)
def test_control_characters_in_an_address_are_refused(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in REFUSED
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("text", ["\0", "a\x1fb", "\x7f", "\x9b"])
@pytest.mark.parametrize("place", ["title", "author", "voice", "label name", "label", "prefix"])
def test_control_characters_in_a_string_are_refused(
    client: TestClient, place: str, text: str
) -> None:
    fields = {
        "label name": {"labels": {text: "a"}},
        "label": {"labels": {"a": text}},
        "prefix": {"destination": {"prefix": f"a{text}"}},
    }.get(place, {place: text})
    answer = client.post("/v1/jobs", json={"text": TEXT, **fields})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "control character" in answer.json()["detail"]


@pytest.mark.parametrize("place", ["text", "title", "voice"])
def test_half_a_character_is_refused(client: TestClient, place: str) -> None:
    fields = {"text": '"Hello."'} | {place: '"a\\ud800"'}
    body = "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
    answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_nul_far_inside_a_text_is_refused(client: TestClient) -> None:
    text = "Hello there. " * 10_000 + "\0 Bye."
    answer = client.post("/v1/jobs", json={"text": text})
    assert answer.json()["code"] == "document_invalid"


def test_control_characters_in_a_header_are_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": b"a\x01b"}
    answer = client.post("/v1/jobs", json={"text": TEXT}, headers=headers)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "fields",
    [
        {"retention_s": 10**15},
        {"deadline_s": 10**15},
        {"seed": 2**63},
        {"seed": 10**400},
        {"outputs": ["mp3"] * 1000},
        {"priority": 10},
        {"priority": True},
        {"priority": "5"},
        {"labels": {str(number): "" for number in range(100)}},
    ],
)
def test_numbers_beyond_their_bounds_are_refused(
    client: TestClient, fields: dict[str, object]
) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT, **fields})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"].startswith(f"/{next(iter(fields))}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client: TestClient, number: str) -> None:
    body = f'{{"text": "Hello.", "delivery": {{"temperature": {number}}}}}'
    answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "query",
    [
        "created_after=0001-01-01T00:00:00%2B14:00",
        "created_before=9999-12-31T23:59:59-14:00",
        "created_before=1e300",
        "created_before=0.5",
        "&".join(f"label=a{number}:b" for number in range(2000)),
        "limit=99999999999999999999",
        "cursor=job_1",
        "dry_run=true",
    ],
)
def test_filters_beyond_their_bounds_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/jobs?{query}").status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("moment", ["1970-01-01", "9998-12-31T23:59:59-14:00"])
def test_filters_at_their_bounds_are_answered(client: TestClient, moment: str) -> None:
    assert client.get("/v1/jobs", params={"created_after": moment}).is_success


def test_a_parameter_that_counts_once_is_not_given_twice(client: TestClient) -> None:
    answer = client.get("/v1/jobs?limit=1&limit=2")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/limit")
    assert "twice" in answer.json()["errors"][0]["detail"]
    assert client.get("/v1/jobs?state=queued&state=failed").status_code == 200


def test_unknown_parameters_are_refused_everywhere(client: TestClient) -> None:
    sound = {"file": ("a.wav", recording(6.0))}
    answers = [
        client.post("/v1/jobs?dry_run=true", json={"text": TEXT}),
        client.post("/v1/voices?dry_run=true", data={"name": "ann"}, files=sound),
        client.get("/v1/voices?limit=3"),
        client.get("/livez?deep=1"),
        client.delete(f"/v1/jobs/{NOWHERE}?force=1"),
    ]
    assert {answer.status_code for answer in answers} == {HTTPStatus.UNPROCESSABLE_ENTITY}
    assert client.get("/v1/jobs").json()["items"] == []
    assert client.get("/v1/voices").json()["items"] == []


@pytest.mark.parametrize("path", ["/", "/livez", "/v1/jobs", "/v1/voices", "/metrics", "/docs"])
def test_head_answers_as_get_without_a_body(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (HTTPStatus.OK, b"")
    assert answer.headers["content-type"] == client.get(path).headers["content-type"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/jobs", "GET, HEAD, POST, OPTIONS"),
        (f"/v1/jobs/{NOWHERE}", "GET, HEAD, DELETE, OPTIONS"),
        (f"/v1/jobs/{NOWHERE}/cancel", "POST, OPTIONS"),
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_names_the_methods(client: TestClient, path: str, methods: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (HTTPStatus.NO_CONTENT, methods)


def test_options_of_nothing_is_not_found(client: TestClient) -> None:
    assert client.options("/nowhere").json()["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["/", "/static/scripts/main.js", "/v1/jobs", "/nowhere", "/v1/jobs/%00"]
)
def test_answers_are_not_sniffed_and_framed_by_nobody(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("name", ["x", "job_1", NOWHERE.upper(), f"{NOWHERE}0", "voice_1"])
def test_malformed_ids_are_not_found(client: TestClient, name: str) -> None:
    for path in (f"/v1/jobs/{name}", f"/v1/jobs/{name}/chunks", f"/v1/voices/{name}"):
        assert client.get(path).json()["code"] == "not_found"


def test_title_at_its_longest_is_kept(client: TestClient) -> None:
    title = "é" * 200
    assert submit(client, title=title)["title"] == title


@pytest.mark.parametrize(
    ("prefix", "location"),
    [("/reader", "/reader/v1/jobs/"), ("/a/b/", "/a/b/v1/jobs/"), ("//evil.example", "/v1/jobs/")],
)
def test_the_address_of_a_job_has_the_prefix_of_the_proxy(
    client: TestClient, prefix: str, location: str
) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT}, headers={"X-Forwarded-Prefix": prefix})
    assert answer.headers["location"].startswith(location)


def test_a_slash_too_many_is_not_found_instead_of_redirected(client: TestClient) -> None:
    for answer in (client.get("/v1/jobs/"), client.post("/v1/jobs/", json={"text": "Hello."})):
        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.NOT_FOUND, "not_found")


@pytest.mark.parametrize("wanted", ["bytes=x", "bytes=999999999-", "bytes=0-1", "pages=1"])
def test_the_pages_files_are_sent_whole(client: TestClient, wanted: str) -> None:
    for path in ("/", "/docs", "/static/scripts/main.js"):
        answer = client.get(path, headers={"range": wanted})
        assert answer.status_code == HTTPStatus.OK
        assert answer.content == client.get(path).content
