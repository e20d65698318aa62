"""A receiver of webhooks, and all the ways in which one may misbehave."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

LOOPBACK = {"allowed_networks": "127.0.0.0/8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        try:
            Verifier(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


Answer = Callable[[BaseHTTPRequestHandler, Received], None]


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: Received) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def dripping(pause_s: float) -> Answer:
    """Send headers slowly, byte by byte: each read succeeds, and the response never ends."""

    def answer(handler: BaseHTTPRequestHandler, _: Received) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            handler.wfile.write(b"x")
            time.sleep(pause_s)

    return answer


def flooding(handler: BaseHTTPRequestHandler, _: Received) -> None:
    """A body without an end."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"y" * 65_536)


class Receiver:
    """Records what it receives, and answers as configured."""

    def __init__(self, trusted: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.answer: Answer = answering(204)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                message = Received(path=self.path, headers=headers, body=body)
                receiver.received.append(message)
                try:
                    receiver.answer(self, message)
                except OSError:  # the sender has hung up
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Keep the tests' output clean."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """Do not report senders that hang up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if trusted is not None:
            self._server.socket = trusted.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?x=1"

    def ids(self) -> list[str]:
        return [message.id for message in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def open_receiver(trusted: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(trusted)
    try:
        yield receiver
    finally:
        receiver.close()
