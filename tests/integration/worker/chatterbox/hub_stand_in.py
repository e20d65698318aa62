"""A model hub on this machine: the endpoints that huggingface_hub uses, with faults."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGE_BYTES = 1000  # files from this size on are stored as the hub stores large ones


@dataclass(slots=True, kw_only=True)
class Faults:
    """The faults to inject; sizes are bytes of one answer."""

    missing: set[str] = field(default_factory=set)
    corrupt: set[str] = field(default_factory=set)
    declared_size: dict[str, int] = field(default_factory=dict)
    status: int | None = None
    break_after: int | None = None
    hold_after: int | None = None  # then wait until `released`
    released: threading.Event = field(default_factory=threading.Event)
    ignores_range: bool = False


class Hub:
    """Serves the files of one repository at one revision, and records the requests."""

    def __init__(self, repository: str, revision: str, files: dict[str, bytes]) -> None:
        self.repository, self.revision, self.files = repository, revision, files
        self.faults = Faults()
        self.downloads: list[tuple[str, int]] = []  # file and first byte asked for
        hub = self

        class Handler(_Handler):
            served = hub

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.faults.released.set()
        self._server.shutdown()
        self._server.server_close()


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Do not report clients that hang up: some are killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    served: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        hub = self.served
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/content/"):
            return self._send(name)
        if hub.faults.status is not None:
            return self._refuse(hub.faults.status, None)
        if not self.path.startswith(f"/{hub.repository}/resolve/{hub.revision}/"):
            return self._refuse(404, "RepoNotFound")
        if name in hub.faults.missing:
            return self._refuse(404, "EntryNotFound")
        content = hub.files[name]
        if len(content) < LARGE_BYTES:
            blob = b"blob %d\0" % len(content) + content
            headers = {"ETag": f'"{hashlib.sha1(blob, usedforsecurity=False).hexdigest()}"'}
            return self._send(name, headers, with_body=with_body)
        size = hub.faults.declared_size.get(name, len(content))
        # Large files are on another host, whose answers have no revision and no digest.
        return self._head(
            302,
            {
                "Location": f"{hub.url}/content/{name}".replace("127.0.0.1", "localhost"),
                "X-Repo-Commit": hub.revision,
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Linked-Size": str(size),
                "Content-Length": "0",
            },
        )

    def _refuse(self, status: int, code: str | None) -> None:
        headers = {"Content-Length": "0"} | ({"X-Error-Code": code} if code else {})
        self._head(status, headers)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(
        self, name: str, headers: dict[str, str] | None = None, *, with_body: bool = True
    ) -> None:
        hub, faults = self.served, self.served.faults
        content = hub.files[name]
        if name in faults.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = self.headers.get("Range")
        begin = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        if with_body:
            hub.downloads.append((name, begin))
        begin = 0 if faults.ignores_range else begin
        rest = content[begin:]
        self._head(
            206 if begin else 200,
            {"X-Repo-Commit": hub.revision, "Content-Length": str(len(rest)), **(headers or {})},
        )
        if with_body:
            self._pour(rest)

    def _pour(self, rest: bytes) -> None:
        faults = self.served.faults
        stop = faults.break_after if faults.break_after is not None else faults.hold_after
        if stop is None or len(rest) <= stop:
            self.wfile.write(rest)
            return
        self.wfile.write(rest[:stop])
        self.wfile.flush()
        if faults.break_after is None:
            faults.released.wait(30)
            self.wfile.write(rest[stop:])
        else:
            self.close_connection = True
