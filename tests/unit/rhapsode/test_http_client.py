"""Downloads over a connection that breaks repeatedly, and addresses below a path prefix."""

import hashlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from narration.errors import TransientError
from rhapsode.http_client import ApiClient

SOUND = bytes(range(250)) * 8
SHA256 = hashlib.sha256(SOUND).hexdigest()
SIGNED = "https://store.example.org/audio.mp3?signature=s"


class CutOff(httpx.SyncByteStream):
    """Sends some bytes, then the connection breaks."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("cut off")


def test_download_that_advances_outlives_the_patience(tmp_path: Path) -> None:
    def send_some(request: httpx.Request) -> httpx.Response:
        begin = int(request.headers.get("range", "bytes=0-")[6:-1])
        if begin == len(SOUND):
            return httpx.Response(416)
        time.sleep(0.05)
        return httpx.Response(206, stream=CutOff(SOUND[begin : begin + 500]))

    server = ApiClient(
        "http://server", None, retry_for_s=0.03, sleep=lambda _: None,
        transport=httpx.MockTransport(send_some),
    )  # fmt: skip
    server.download(SIGNED, tmp_path / "story.mp3", sha256=SHA256)
    assert (tmp_path / "story.mp3").read_bytes() == SOUND


def test_urls_of_bodies_have_the_prefix_of_the_server_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={})

    server = ApiClient("http://server/books/", None, transport=httpx.MockTransport(answer))
    for path in ("/v1/jobs", "/books/v1/jobs/1", "/bookshelf"):
        server.request("GET", path)
    assert asked == ["/books/v1/jobs", "/books/v1/jobs/1", "/books/bookshelf"]


def test_server_that_does_not_answer_is_told_at_the_first_failure_and_once() -> None:
    told: list[tuple[int, str]] = []
    tries: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request.url.path)
        if len(tries) < 4:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={})

    server = ApiClient(
        "http://server", None, tell=lambda line: told.append((len(tries), line)),
        sleep=lambda _: None, transport=httpx.MockTransport(answer),
    )  # fmt: skip
    server.request("GET", "/v1/jobs")
    ((tried, line),) = told
    assert (tried, len(tries)) == (1, 4)
    assert line == "http://server does not answer: it cannot be reached; trying again for 120 s"


@pytest.mark.parametrize(
    ("cause", "error", "why"),
    [
        (ConnectionRefusedError(111, "x"), httpx.ConnectError("x"), "nothing listens there"),
        (socket.gaierror(-2, "x"), httpx.ConnectError("x"), "its name is not known here"),
        (
            ssl.SSLCertVerificationError("x"),
            httpx.ConnectError("x"),
            "its certificate is not trusted here",
        ),
        (None, httpx.ConnectTimeout("x"), "no connection within 10 s"),
        (None, httpx.ReadTimeout("x"), "nothing came for 60 s"),
        (None, httpx.RemoteProtocolError("x"), "the connection broke off"),
    ],
)
def test_why_there_is_no_answer_is_said_in_plain_words(
    cause: Exception | None, error: httpx.TransportError, why: str
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error from cause

    transport = httpx.MockTransport(answer)
    server = ApiClient("http://server", None, retry_for_s=0, transport=transport)
    with pytest.raises(TransientError) as caught:
        server.request("GET", "/v1/jobs")
    assert str(caught.value) == (
        f"http://server does not answer: {why}; run the same command again later"
    )
