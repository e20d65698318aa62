"""Checks every request before a route sees it, and completes every response.

Control characters, NUL and invalid UTF-8 are refused wherever a request can contain them, because
databases, stores and logs treat them differently. Bodies are checked where they are parsed, by the
same rule (narration.field_types.require_line).
"""

import asyncio
from collections import Counter
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import structlog
from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from api.links import prefix_of
from api.metering import METERED, Metered
from api.routing import allowed_methods
from narration.errors import FieldsError
from narration.field_types import require_line

# Media may be files in buckets, or recordings that were not uploaded yet.
PAGE = "default-src 'self'; media-src * blob:; img-src *; base-uri 'none'; form-action 'none'"
PAGES = frozenset({"/", "/docs"})
NOTHING = "default-src 'none'"
FRAMED_BY_NOBODY = "; frame-ancestors 'none'"
log = structlog.get_logger(__name__)
_HEADER_CONTROLS = frozenset(range(32)) - {9} | {127}


class Border:
    """Refuses malformed requests, answers OPTIONS, and adds security headers to responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        policy = _content_policy(scope["path"])
        prefix = prefix_of(scope).encode()

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message, b"x-content-type-options", b"nosniff")
                _add(message, b"content-security-policy", policy.encode())
                _put_before_location(message, prefix)
                for name, value in getattr(_metered(scope), "headers", ()):
                    _add(message, name, value)
            elif is_head:
                message = {**message, "body": b""}
            if _metered(scope) is not None and _is_last(message):
                await scope["app"].state.meter.end(scope)
            await send(message)

        answer = _early_answer(Request(scope))
        try:
            await (answer or self._app)(scope, receive, send_safely)
        except asyncio.CancelledError:
            _let_go(scope)
        finally:
            if _metered(scope) is not None:
                scope["app"].state.meter.leave(scope)


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that are unknown here, or that may not be repeated.

    Raises: FieldsError. Otherwise a typo in a filter would list everything, and one of two values
    would be ignored.
    """
    known = _parameters(request) if request.query_params else None
    if known is None:
        return
    faults = {
        name: "there is no such parameter" if name not in known else "was given twice: give it once"
        for name, count in Counter(name for name, _ in request.query_params.multi_items()).items()
        if name not in known or (count > 1 and not known[name])
    }
    if faults:
        raise FieldsError(
            [{"pointer": f"/{name}", "detail": detail} for name, detail in sorted(faults.items())]
        )


def _parameters(request: Request) -> dict[str, bool] | None:
    """Return the query parameters of a route, and whether each may be repeated."""
    app, path = request.app, request.scope["route"].path
    assert isinstance(app, FastAPI)
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = app.openapi()["paths"].get(path, {}).get(method)
    if operation is None:
        return None
    parameters = operation.get("parameters", ())
    return {
        parameter["name"]: parameter["schema"].get("type") == "array"
        for parameter in parameters
        if parameter["in"] == "query"
    }


def _early_answer(request: Request) -> Response | None:
    fault = _fault(request.scope)
    if fault is not None:
        return problem_response(request, "invalid_request", fault)
    if request.method != "OPTIONS":
        return None
    methods = allowed_methods(request)
    if not methods:
        return problem_response(request, "not_found", f"there is nothing at {request.url.path}")
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(methods)})


def _fault(scope: Scope) -> str | None:
    """Describe what is wrong with the request line or the headers; None if nothing is."""
    path = scope.get("raw_path") or scope["path"].encode()
    for what, raw in (("path", path), ("query", scope["query_string"])):
        try:
            require_line(unquote_to_bytes(raw).decode())
        except UnicodeDecodeError:
            return f"the {what} is not UTF-8: encode it so"
        except ValueError as error:
            return f"the {what} {error}"
    for name, value in scope["headers"]:
        if not _HEADER_CONTROLS.isdisjoint(value):
            return f"the header {name.decode('latin-1')} holds a control character: remove it"
    return None


def _metered(scope: Scope) -> Metered | None:
    metered = scope.get("state", {}).get(METERED)
    return metered if isinstance(metered, Metered) else None


def _is_last(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


def _let_go(scope: Scope) -> None:
    """End a stream whose key was revoked, leaving its response incomplete.

    Raises: CancelledError if it was canceled for another reason.
    """
    metered, task = _metered(scope), asyncio.current_task()
    if metered is None or not metered.is_ended or task is None:
        raise  # noqa: PLE0704 - called while the error is handled
    task.uncancel()
    log.info("stream_ended", reason="its key is not valid any more", path=scope["path"])


def _content_policy(path: str) -> str:
    is_page = path in PAGES or path.startswith("/static/")
    return (PAGE if is_page else NOTHING) + FRAMED_BY_NOBODY


def _put_before_location(message: Message, prefix: bytes) -> None:
    message["headers"] = [
        (name, prefix + value if name == b"location" and value.startswith(b"/v1/") else value)
        for name, value in message.get("headers", [])
    ]


def _add(message: Message, name: bytes, value: bytes) -> None:
    headers = message.setdefault("headers", [])
    if all(known.lower() != name for known, _ in headers):
        headers.append((name, value))
