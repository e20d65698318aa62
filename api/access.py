"""One id, one log event and one measurement per request; a plain ASGI layer around the app."""

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ID_HEADER, REQUEST_ID
from narration.telemetry import HTTP_REQUEST_SECONDS, log_step

HEADER = ID_HEADER.encode()
_FOREIGN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ERROR_STATUS = 400

_log = structlog.get_logger(__name__)


class AccessLog:
    """Gives every request an id, logs it and measures it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})[REQUEST_ID] = request_id
        status = 500  # the server's answer if the app crashes before it has answered

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message.setdefault("headers", []).append((HEADER, request_id.encode()))
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            log_step("received")
            try:
                await self._app(scope, receive, send_named)
            finally:
                _report(scope, status, time.perf_counter() - started)


def _request_id(scope: Scope) -> str:
    received = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return received.decode() if _FOREIGN_ID.fullmatch(received) else uuid.uuid4().hex


def _report(scope: Scope, status: int, duration_s: float) -> None:
    # The pattern and not the path: one time series per route, not per job.
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if route != "none" else "any"
    HTTP_REQUEST_SECONDS.labels(route=route, method=method, status=status).observe(duration_s)
    is_quiet = scope["method"] in {"GET", "HEAD"} and status < _ERROR_STATUS
    log = _log.debug if is_quiet else _log.info
    log("request", method=scope["method"], path=scope["path"], status=status, seconds=duration_s)
