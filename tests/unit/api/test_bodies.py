"""Bodies that are too large, too slow, broken, or maliciously named are refused, and not stored."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

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
