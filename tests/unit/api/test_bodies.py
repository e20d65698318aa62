"""Bodies that are too large, too slow, broken, or maliciously named are refused, and not stored."""

import asyncio
import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.json_bodies import has_more_values
from narration.settings import Settings

SMALL = {"limits": {"document_size_bytes": 1000}}


@pytest.fixture
def objects(settings: Settings) -> Path:
    return settings.objects_dir


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_declared_length_beyond_the_limit_is_refused(limited: Any, objects: Path) -> None:
    with limited(**SMALL) as client:
        answer = client.post("/v1/jobs", json={"text": "word " * 400})
        assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        assert answer.json()["code"] == "too_large"
        assert client.get("/v1/jobs").json()["items"] == []
    assert not files_in(objects)


def test_undeclared_length_beyond_the_limit_is_refused_on_the_way(limited: Any) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 500

    with limited(**SMALL) as client:
        headers = {"content-type": "application/json"}
        answer = client.post("/v1/jobs", content=pieces(), headers=headers)
    assert answer.json()["code"] == "too_large"


def test_large_file_in_a_form_is_refused(limited: Any, objects: Path) -> None:
    with limited(**SMALL) as client:
        answer = client.post("/v1/jobs", files={"file": ("a.txt", b"word " * 400)})
        assert answer.json()["code"] == "too_large"
    assert not files_in(objects)


@pytest.mark.parametrize(
    ("content_type", "first"),
    [("application/json", b'{"text": '), ("multipart/form-data; boundary=b", b"--b\r\nContent-")],
)
def test_slow_body_is_given_up(limited: Any, content_type: str, first: bytes) -> None:
    client = limited(api={"body_timeout_s": 0.05})
    with client:
        status, body = asyncio.run(_post_and_stall(client.app, content_type, first))
    assert status == HTTPStatus.REQUEST_TIMEOUT
    assert b'"body_timeout"' in body


async def _post_and_stall(app: FastAPI, content_type: str, first: bytes) -> tuple[int, bytes]:
    """Send one piece of a body and then nothing."""
    pieces = [{"type": "http.request", "body": first, "more_body": True}]
    answer: list[Any] = []

    async def receive() -> Any:
        if pieces:
            return pieces.pop()
        await asyncio.sleep(60)
        return None

    async def send(message: Any) -> None:
        answer.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/jobs", "raw_path": b"/v1/jobs",
        "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
        "headers": [(b"content-type", content_type.encode())], "server": ("test", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return answer[0]["status"], b"".join(part.get("body", b"") for part in answer[1:])


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.txt", "/etc/passwd.txt", "..\\..\\boot.txt", "a\x07.txt", "..", "b/c.txt"],
)
def test_file_name_that_is_a_path_is_refused(client: TestClient, objects: Path, name: str) -> None:
    # Written by hand: the client library would escape some of these names.
    body = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/plain\r\n\r\nHello there.\r\n--b--\r\n"
    )
    answer = client.post(
        "/v1/jobs",
        content=body.encode(),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"] == "/file"
    assert not files_in(objects)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b"no form at all"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        ),
        ("application/json", b'{"text": "unfinished'),
        ("application/json", b'\xff\xfe{"'),
    ],
)
def test_broken_body_is_the_callers_fault(
    client: TestClient, content_type: str, body: bytes
) -> None:
    answer = client.post("/v1/jobs", content=body, headers={"content-type": content_type})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_form_without_a_file_is_refused(client: TestClient) -> None:
    files = {"job": (None, "{}")}
    answer = client.post("/v1/jobs", files=files)
    assert answer.json()["errors"][0]["pointer"] == "/file"


def test_second_file_is_refused(client: TestClient) -> None:
    files = [("file", ("a.txt", b"One.")), ("file", ("b.txt", b"Two."))]
    answer = client.post("/v1/jobs", files=files)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_unknown_form_field_is_named(client: TestClient) -> None:
    files = {"file": ("a.txt", b"One.")}
    answer = client.post("/v1/jobs", files=files, data={"voice": "anna"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "utf-16", "x" * 99])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/plans", "/v1/voices"])
def test_forms_in_other_charsets_are_refused(client: TestClient, path: str, charset: str) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="\\ud800"\r\n\r\nx\r\n--b--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
    answer = client.post(path, content=form, headers=headers)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "charset" in answer.json()["detail"]


@pytest.mark.parametrize("charset", ["UTF-8", "utf8", "ISO-8859-1"])
def test_a_form_may_name_a_usual_charset(client: TestClient, charset: str) -> None:
    part = b'Content-Disposition: form-data; name="file"; filename="a.txt"'
    form = b"--b\r\n" + part + b"\r\n\r\nHello.\r\n--b--"
    headers = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
    assert client.post("/v1/jobs", content=form, headers=headers).status_code == HTTPStatus.ACCEPTED


MANY = {
    "items": {"text": "x", "outputs": ["xx"] * 300_000},
    "fields": {"text": "x"} | {f"field{number}": 1 for number in range(100_000)},
    "some items": {"text": "x", "outputs": ["xx"] * 15_000},
    "a long name": {"text": "x", "y" * 100_000: 1},
}


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/plans", "/v1/audio/speech"])
@pytest.mark.parametrize("name", list(MANY))
def test_what_is_wrong_with_many_values_is_told_briefly(
    client: TestClient, path: str, name: str
) -> None:
    began = time.monotonic()
    answer = client.post(path, json=MANY[name])
    assert time.monotonic() - began < 2
    assert answer.is_client_error
    assert len(answer.content) < 20_000


def test_a_query_of_many_unknown_parameters_is_answered_briefly(client: TestClient) -> None:
    query = "&".join(f"x{number}=1" for number in range(7000))
    answer = client.get(f"/v1/jobs?{query}")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "and 6,980 more" in answer.json()["detail"]
    assert len(answer.json()["errors"]) == 20


def test_as_many_chapters_as_may_be_listed_are_not_too_many_values(client: TestClient) -> None:
    body = {"text": "Hello.", "outputs": ["mp3"], "title": "One", "chapters": [1] * 10_000}
    assert client.post("/v1/jobs", json=body).status_code == HTTPStatus.ACCEPTED


def test_a_long_text_is_one_value_whatever_it_contains(client: TestClient) -> None:
    text = 'He said, "one, two, \\", and so on. ' * 20_000
    assert client.post("/v1/jobs", json={"text": text}).status_code == HTTPStatus.ACCEPTED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1] * 11, False),
        ([1] * 12, True),
        ({"a": ",,,,,,,,,,,,", "b": [1, 2]}, False),
        ({"a": '",\\",,,,\\\\",,,,,\\', "b": ["x"] * 11}, True),
        (["\\", '"', ',"', ',\\"'], False),
    ],
)
def test_values_are_counted_outside_of_texts(value: object, expected: bool) -> None:
    assert has_more_values(json.dumps(value).encode(), 10) is expected


HOSTILE = [
    b'"\\' * 1_000_000,
    b"\\" * 2_000_000 + b'"',
    b'{"a": "' + b'\\",' * 1_000_000,
    b'"' * 4_000_000,
    b'"\\"' * 1_000_000 + b"\\",
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_counting_takes_as_long_as_the_body(number: int) -> None:
    began = time.monotonic()
    has_more_values(b"," * 9 + HOSTILE[number] + b"," * 9, 10)
    assert time.monotonic() - began < 2
