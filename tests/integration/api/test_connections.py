"""A connection that never finishes its request's head is closed; others are not."""

import socket
import threading
import time
from collections.abc import Iterator

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
