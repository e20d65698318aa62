"""Every failure is a problem document with a code that says what to do."""

import re
from http import HTTPStatus
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from api.problem_kinds import KINDS, MEDIA_TYPE
from narration import errors
from tests.unit.api.conftest import LimitedClients

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "what_now", "retryable"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/jobs/job_none", 404, "not_found"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("POST", "/v1/jobs", 415, "unsupported_media_type"),
        ("GET", "/v1/jobs?limit=0", 422, "invalid_request"),
        ("GET", "/v1/jobs?stat=queued", 422, "invalid_request"),
        ("GET", f"/v1/jobs/job_{26 * '0'}/chunks?cursor=x", 422, "invalid_request"),
        ("GET", "/readyz", 503, "unavailable"),
    ],
)
def test_failures_are_problem_documents(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert body.keys() >= MEMBERS
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]


def test_wrong_method_is_told_the_right_ones(client: TestClient) -> None:
    assert client.put("/v1/voices").headers["allow"] == "GET, HEAD, POST, OPTIONS"


def test_unknown_field_is_named(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json={"text": "Hello.", "voise": "anna"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"] == [{"pointer": "/voise", "detail": "there is no such field"}]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"text": 3}, "is not a text: write it as a JSON string"),
        ({"text": "Hello.", "seed": 1.5}, "is not a whole number"),
        ({"text": "Hello.", "delivery": {"temperature": "hot"}}, "is not a number"),
        ({"text": "Hello.", "seed": -1}, "must be 0 or more"),
        ({"text": "Hello.", "outputs": "mp3"}, "is not a list: write it as a JSON array"),
        ({"text": "Hello.", "title": "x" * 5000}, "has more than "),
        ({"text": "Hello.", "delivery": 1}, "has no fields: write it as a JSON object"),
        ({"text": "Hello.", "delivery": {"temperature": 9}}, "must be "),
        ({"text": "Hello.", "outputs": ["mp4"]}, "is not one of: "),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_our_own_words(
    client: TestClient, body: dict[str, object], detail: str
) -> None:
    errors = [each["detail"] for each in client.post("/v1/jobs", json=body).json()["errors"]]
    assert any(said.startswith(detail) for said in errors), errors
    assert not re.search(r"[Ii]nput|[Ff]ield required|[Ss]hould|[Vv]alid", " ".join(errors))


@pytest.mark.parametrize("body", [b"{", b'"\xff"', b"[]", b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_told_so_without_a_parsers_words(
    client: TestClient, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    [error] = client.post("/v1/jobs", content=body, headers=headers).json()["errors"]
    assert error["detail"] in {
        "is not JSON: send one JSON value, in UTF-8",
        "has no fields: write it as a JSON object",
    }


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("multipart/form-data", "its content type has no boundary"),
        ("multipart/form-data; boundary=x", "it does not follow multipart/form-data"),
    ],
)
def test_a_broken_form_is_told_so_without_a_parsers_words(
    client: TestClient, content_type: str, said: str
) -> None:
    headers = {"Content-Type": content_type}
    [error] = client.post("/v1/jobs", content=b"--y\r\nz", headers=headers).json()["errors"]
    assert error["detail"] == f"the form is broken: {said}"


def test_every_refusal_for_too_much_says_what_is_left(limited: LimitedClients) -> None:
    with limited(limits={"queued_jobs": 1}) as client:
        client.post("/v1/jobs", json={"text": "Hello."})
        refused = client.post("/v1/jobs", json={"text": "Hello again."})
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    assert refused.headers["ratelimit"] == f'"server";r=0;t={refused.headers["retry-after"]}'


def test_every_wrong_field_is_named_at_once(client: TestClient) -> None:
    wrong = {"text": "Hello.", "seed": -1, "delivery": {"temperature": 9}}
    answer = client.post("/v1/jobs", json=wrong)
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/seed",
        "/delivery/temperature",
    }


def test_bug_is_logged_and_not_shown(app: FastAPI) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("/etc/secret could not be read")

    with TestClient(app, raise_server_exceptions=False) as client, capture_logs() as logs:
        answer = client.get("/broken")
    events = [log["event"] for log in logs if log["log_level"] != "debug"]
    assert events == ["request", "request_crashed"]
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_retryable_problem_says_when() -> None:
    app_errors = [kind for kind in KINDS.values() if kind.is_retryable]
    assert app_errors
    assert all("again" in kind.what_now for kind in app_errors)


def test_every_error_a_request_can_meet_has_a_kind() -> None:
    met = {
        errors.InputError, errors.DocumentError, errors.RecordingError, errors.SettingsError,
        errors.NotFoundError, errors.ConflictError, errors.OutputError, errors.TransientError,
        errors.StorageUnavailable, errors.DatabaseUnavailable, errors.BrokerUnavailable,
    }  # fmt: skip
    assert {error.code for error in met} <= KINDS.keys()


@pytest.mark.parametrize("code", sorted(KINDS))
def test_code_is_documented(code: str) -> None:
    assert f"| `{code}` | {KINDS[code].status.value} |" in DOCS.read_text(encoding="utf-8")
