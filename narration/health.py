"""Whether a process is started, ready and alive, what it waits for, and the port that reports it.

Started: it answers here. Ready: it does its work. Alive: a restart would not help.
"""

import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from narration.errors import RhapsodeError

LOG_EVERY_S = 15.0
LONGEST_WAIT_S = 3600.0
PATIENCE_S = 120.0  # how long to wait for readiness if somebody else has to fix the problem

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """The state of a process at one time. `awaits`: by component, why the process is not ready.

    `public_awaits`: the same without paths and hosts, for clients of the API.
    """

    is_ready: bool
    dead_because: str | None
    awaits: dict[str, str]
    public_awaits: dict[str, str]

    def body(self) -> dict[str, Any]:
        """Return the report as JSON fields."""
        state = "dead" if self.dead_because else "ready" if self.is_ready else "not ready"
        fields: dict[str, Any] = {"status": state}
        if self.dead_because:
            fields["reason"] = self.dead_because
        if self.awaits:
            fields["awaits"] = self.awaits
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class _Awaited:
    reason: str
    public: str
    since_s: float
    is_under_way: bool  # the process itself is working on it


class Health:
    """The state that the parts of a process report, from any thread."""

    def __init__(self, log_every_s: float = LOG_EVERY_S, patience_s: float = PATIENCE_S) -> None:
        self._log_every_s = log_every_s
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._is_ready = False
        self._dead_because: str | None = None
        self._awaits: dict[str, _Awaited] = {}

    def report(self) -> HealthReport:
        """Return the current state."""
        with self._changed:
            return HealthReport(
                is_ready=self._is_ready and not self._awaits and self._dead_because is None,
                dead_because=self._dead_because,
                awaits={component: awaited.reason for component, awaited in self._awaits.items()},
                public_awaits={
                    component: awaited.public for component, awaited in self._awaits.items()
                },
            )

    def wait(self, timeout_s: float) -> HealthReport:
        """Return the state once waiting longer is pointless, or after a time limit.

        That is when the process is ready or dead, or has waited long enough for somebody else to
        fix a problem.
        """
        ends_at_s = time.monotonic() + min(timeout_s, LONGEST_WAIT_S)
        with self._changed:
            while True:
                report = self.report()
                left_s = min(ends_at_s, self._is_stuck_at_s()) - time.monotonic()
                if report.is_ready or report.dead_because is not None or left_s <= 0:
                    return report
                self._changed.wait(left_s)

    def _is_stuck_at_s(self) -> float:
        waits = (awaited for awaited in self._awaits.values() if not awaited.is_under_way)
        return min((awaited.since_s for awaited in waits), default=math.inf) + self._patience_s

    def set_ready(self, *, is_ready: bool = True) -> None:
        """Report whether the process does its work and accepts more."""
        with self._changed:
            self._is_ready = is_ready
            self._changed.notify_all()

    def set_dead(self, reason: str | None) -> None:
        """Report that only a new process can continue, and why; None withdraws it."""
        with self._changed:
            self._dead_because = reason
            self._changed.notify_all()

    def await_component(
        self, component: str, reason: str | None, *, public: str | None = None
    ) -> None:
        """Report what is missing in a component; None if nothing is.

        `public` is the reason as clients may read it, if it differs.
        """
        self._await(component, reason, public, is_under_way=False)

    def await_mending(self, component: str, error: Exception, before: str = "") -> None:
        """Report an error in a component, after words that may say what was being done."""
        public = error.public_message if isinstance(error, RhapsodeError) else "its log says why"
        self.await_component(component, f"{before}{error}", public=f"{before}{public}")

    @contextmanager
    def awaiting(self, component: str, doing: str) -> Iterator[None]:
        """Report "not ready" for a component while the block runs; log when it lasts and ends.

        If the block fails, the reason stays.
        """
        self._await(component, doing, None, is_under_way=True)
        started = time.monotonic()
        is_done = threading.Event()
        threading.Thread(
            target=self._log_while, args=(is_done, component, doing, started), daemon=True
        ).start()
        try:
            yield
        except Exception as error:
            self.await_mending(component, error, before=f"{doing} failed: ")
            raise
        finally:
            is_done.set()
        self.await_component(component, None)
        log.info(
            "component_ready", component=component, doing=doing, elapsed_s=_seconds_since(started)
        )

    def _await(
        self, component: str, reason: str | None, public: str | None, *, is_under_way: bool
    ) -> None:
        with self._changed:
            before = self._awaits.pop(component, None)
            if reason is not None:
                self._awaits[component] = _Awaited(
                    reason=reason,
                    public=reason if public is None else public,
                    since_s=before.since_s if before else time.monotonic(),
                    is_under_way=is_under_way,
                )
            self._changed.notify_all()

    def _log_while(
        self, is_done: threading.Event, component: str, doing: str, started: float
    ) -> None:
        log.info("component_awaited", component=component, doing=doing)
        while not is_done.wait(self._log_every_s):
            log.info(
                "component_awaited",
                component=component,
                doing=doing,
                elapsed_s=_seconds_since(started),
            )


def serve_health(health: Health, port: int | None) -> None:
    """Answer /metrics, /livez and /readyz on a thread, if a port is set.

    /readyz?wait_s=N answers once waiting longer is pointless, or after N seconds.
    """
    if port is None:
        return

    class Handler(_Handler):
        process_health = health

    server = ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    process_health: Health

    def log_message(self, *_: Any) -> None:
        """Log nothing: probes come every few seconds."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        match url.path:
            case "/livez":
                report = self.process_health.report()
                self._send_report(report, is_well=report.dead_because is None)
            case "/readyz":
                report = self.process_health.wait(_wait_s(url.query))
                self._send_report(report, is_well=report.is_ready)
            case "/metrics" | "/":
                self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
            case _:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"/livez, /readyz or /metrics\n")

    def _send_report(self, report: HealthReport, *, is_well: bool) -> None:
        status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
        self._send(status, "application/json", json.dumps(report.body()).encode() + b"\n")

    def _send(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _wait_s(query: str) -> float:
    try:
        return float(parse_qs(query)["wait_s"][0])
    except (KeyError, ValueError):
        return 0.0


def _seconds_since(started: float) -> float:
    return round(time.monotonic() - started, 1)
