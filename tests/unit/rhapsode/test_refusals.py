"""What `submit` says of a server's refusal: options and settings instead of fields and headers."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.problem_kinds import KINDS
from narration.errors import ConflictError, InputError, NotFoundError, TransientError
from rhapsode.http_client import ApiClient
from rhapsode.refusals import refusal, refusal_text
from rhapsode.summary import Failure


def answer(code: str, detail: str = "why", **members: Any) -> httpx.Response:
    kind = KINDS.get(code, KINDS["internal"])
    body = {"code": code, "detail": detail, "what_now": kind.what_now, "request_id": "5f0c"}
    body |= {"retryable": kind.is_retryable}
    return httpx.Response(
        kind.status, json=body | members, request=httpx.Request("GET", "http://server/v1")
    )


def test_a_missing_key_is_named_by_its_setting() -> None:
    error = refusal(answer("unauthorized", "no bearer key was sent"))
    assert str(error) == (
        "no bearer key was sent (set RHAPSODE_CLIENT__KEY to a key of this server)"
    )


def test_refused_fields_are_named_by_their_options() -> None:
    detail = "there is no voice nobody"
    fields = [
        {"pointer": "/voice", "detail": detail},
        {"pointer": "/delivery/temperature", "detail": "must be 5 or less"},
        {"pointer": "/labels", "detail": "has more than 32 items"},
    ]
    assert refusal_text(answer("invalid_request", "/voice: …", errors=fields)) == (
        f"--voice: {detail}; --temperature: must be 5 or less; /labels: has more than 32 items"
    )


@pytest.mark.parametrize("code", sorted(KINDS))
def test_no_refusal_tells_of_requests_and_their_parts(code: str) -> None:
    words = refusal_text(answer(code))
    for word in ("Bearer", "`errors`", "header", "Retry-After", "idempotency", "send the request"):
        assert word.lower() not in words.lower()


def test_a_request_that_broke_the_server_is_named() -> None:
    assert refusal_text(answer("internal")) == (
        "why (report request 5f0c to whoever runs the server)"
    )


def test_the_code_of_a_newer_server_keeps_its_words() -> None:
    response = answer("moon_phase", what_now="Wait for the moon.")
    assert (refusal(response).code, refusal_text(response)) == (
        "moon_phase", "why (Wait for the moon.)",
    )  # fmt: skip


def test_an_answer_that_is_no_problem_is_told_by_its_status() -> None:
    response = httpx.Response(
        403, json={"detail": "Not here"}, request=httpx.Request("GET", "http://proxy/")
    )
    assert refusal_text(response) == "status 403 from proxy"


@pytest.mark.parametrize(
    ("code", "kind"),
    [("unauthorized", InputError), ("not_found", NotFoundError), ("conflict", ConflictError)],
)
def test_scripts_get_the_code_of_the_server(code: str, kind: type[InputError]) -> None:
    error = refusal(answer(code))
    assert type(error) is kind
    report = json.loads(Failure(file=Path("a.md"), error=error).as_json())
    assert report["error"]["code"] == code


def test_scripts_get_the_code_of_a_server_that_stays_busy() -> None:
    transport = httpx.MockTransport(lambda _: answer("queue_full"))
    server = ApiClient("http://server", None, retry_for_s=0, transport=transport)
    with pytest.raises(TransientError) as raised:
        server.request("GET", "/v1/jobs")
    assert raised.value.code == "queue_full"
