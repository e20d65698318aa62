"""A connection that never finishes its request's head is closed; others are not."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from select import select

import pytest
import uvicorn
from fastapi import FastAPI

from api.connections import bounded_protocol

HEAD_S = 1.0


@pytest.fixture
def port() -> Iterator[int]:
    app = FastAPI()

    @app.get("/")
    async def answer() -> str:
        return "here"

    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, http=bounded_protocol(HEAD_S), log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_half_sent_head_is_closed(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        started = time.monotonic()
        connection.sendall(sent)
        assert connection.recv(1) == b""
        assert time.monotonic() - started > HEAD_S / 2


def test_head_half_sent_after_an_answered_request_is_closed(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in connection.recv(4096)
        connection.sendall(b"GET / HT")
        while connection.recv(4096):
            pass


def test_request_that_is_answered_slowly_is_not_cut_short(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
        time.sleep(2 * HEAD_S)
        connection.sendall(b"x")
        assert b"200 OK" in connection.recv(4096)


ENDLESS = {
    "a long address": (b"GET /", b"x" * 1000),
    "many headers": (b"GET / HTTP/1.1\r\n", b"X-Some: value\r\n"),
    "a long header": (b"GET / HTTP/1.1\r\nX-Long: ", b"x" * 1000),
    "many trailers": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        b"X-Some: value\r\n",
    ),
}


@pytest.mark.parametrize("name", list(ENDLESS))
def test_a_head_without_an_end_is_refused_before_it_takes_memory(port: int, name: str) -> None:
    begin, more = ENDLESS[name]
    block, sent = more * (16_000 // len(more)), 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(begin)
        with suppress(ConnectionError):
            while sent < 50_000_000:
                connection.sendall(block)
                sent += len(block)
        assert sent < 20_000_000  # mostly in the buffers of the connection


def test_a_long_head_is_told_its_limit(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        while not select([connection], [], [], 0.05)[0]:
            connection.sendall(b"x" * 8000)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "head_too_large"


def test_a_body_in_many_chunks_and_a_request_behind_it_are_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n")
        connection.sendall(head + b"4\r\nxxxx\r\n0\r\n\r\n")
        answers = b""
        while answers.count(b"200 OK") < 2:
            block = connection.recv(4096)
            assert block
            answers += block
