"""Errors as RFC 9457 problem documents: which class is which status, in one table.

Everything that is not a success goes through here, FastAPI's own refusals included, so that a
client needs one parser. Each code is explained in docs/api.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from api.openai_errors import openai_shape
from api.routing import allowed_methods
from narration.errors import FieldsError, InputError, RhapsodeError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
REQUEST_ID = "request_id"
ID_HEADER = "x-request-id"

_log = structlog.get_logger(__name__)


class TooLargeError(InputError):
    """The request is larger than this server accepts."""

    code = "too_large"


class SlowBodyError(InputError):
    """The request body did not arrive in time."""

    code = "body_timeout"


class MediaTypeError(InputError):
    """The request body is of a kind that is not understood here."""

    code = "unsupported_media_type"


class UnauthorizedError(InputError):
    """A bearer key is required."""

    code = "unauthorized"


class ForbiddenError(InputError):
    """A session may only be used by the page of this server."""

    code = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One sort of problem: its status, its title, and what the caller can do about it."""

    status: HTTPStatus
    title: str
    what_now: str
    is_retryable: bool = False


KINDS: dict[str, Kind] = {
    "invalid_request": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The request cannot be carried out as it is",
        what_now="Correct the fields named in `errors` and send it again.",
    ),
    "settings_invalid": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="A setting makes no sense",
        what_now="Correct the setting and send the request again.",
    ),
    "document_invalid": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The document cannot be narrated",
        what_now="Correct the document and send it again.",
    ),
    "voice_rejected": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The recording cannot be used as a voice",
        what_now="Send another recording.",
    ),
    "output_denied": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The destination cannot be written",
        what_now="Choose another destination, or have its bucket and credentials corrected.",
    ),
    "idempotency_conflict": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The idempotency key belongs to a different request",
        what_now="Use a new key for a new request.",
    ),
    "unauthorized": Kind(
        status=HTTPStatus.UNAUTHORIZED,
        title="A bearer key is required",
        what_now="Send `Authorization: Bearer KEY` with a key of this server.",
    ),
    "forbidden": Kind(
        status=HTTPStatus.FORBIDDEN,
        title="A session may only be used by the page of this server",
        what_now="Open the page of this server and do it there, or send a bearer key.",
    ),
    "not_found": Kind(
        status=HTTPStatus.NOT_FOUND,
        title="There is no such thing",
        what_now="Check the address; what was purged does not come back.",
    ),
    "method_not_allowed": Kind(
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        title="The address does not support this method",
        what_now="Use one of the methods in the `Allow` header.",
    ),
    "body_timeout": Kind(
        status=HTTPStatus.REQUEST_TIMEOUT,
        title="The request body did not arrive in time",
        what_now="Send it again over a faster connection.",
        is_retryable=True,
    ),
    "conflict": Kind(
        status=HTTPStatus.CONFLICT,
        title="The present state does not allow this",
        what_now="Read the resource's state, then decide again.",
    ),
    "voice_not_ready": Kind(
        status=HTTPStatus.CONFLICT,
        title="The voice is still being prepared",
        what_now="Send the request again after `Retry-After` seconds.",
        is_retryable=True,
    ),
    "too_large": Kind(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        title="The request is too large",
        what_now="Split the document, or have the server's limit raised.",
    ),
    "unsupported_media_type": Kind(
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        title="The request body is of a kind that is not understood here",
        what_now="Send application/json or multipart/form-data.",
    ),
    "busy": Kind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="The server is busy",
        what_now="Send the request again after `Retry-After` seconds.",
        is_retryable=True,
    ),
    "range_invalid": Kind(
        status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        title="The file has no such range",
        what_now="Ask for bytes that `Content-Range` says the file has.",
    ),
    "queue_full": Kind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        title="The queue is full",
        what_now="Send the request again after `Retry-After` seconds.",
        is_retryable=True,
    ),
    "unavailable": Kind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Something the server depends on does not answer",
        what_now="Send the request again after `Retry-After` seconds.",
        is_retryable=True,
    ),
    "chunk_failed": Kind(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        title="The model could not speak the text",
        what_now="Send it again, or change the text.",
    ),
    "internal": Kind(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        title="The server made a mistake",
        what_now="Report the `request_id` to whoever runs this server.",
    ),
}
# Which part does not answer is told by the code; what that means to a client is the same.
for _code in (
    "storage_unavailable",
    "storage_full",
    "storage_failing",
    "database_unavailable",
    "schema_outdated",
    "broker_unavailable",
    "disk_full",
):
    KINDS[_code] = KINDS["unavailable"]

_CODES_OF_STATUS = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
}


def install(app: FastAPI) -> None:
    """Answer every failure of `app` with a problem document."""
    app.add_exception_handler(RhapsodeError, _on_known_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_fields)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)


def fields_error(error: ValidationError | RequestValidationError, *, skip: int = 0) -> FieldsError:
    """Say field by field what Pydantic complains about; `skip` drops leading path parts."""
    return FieldsError([_field(detail, skip) for detail in error.errors()])


def problem_response(request: Request, code: str, detail: str, **members: Any) -> JSONResponse:
    """Write one problem document.

    Source: RFC 9457; `code`, `what_now`, `retryable`, `request_id` and `errors` are ours.
    """
    kind = KINDS.get(code, KINDS["internal"])
    status, shape = openai_shape(request.url.path, kind.status, code, detail, members)
    body = (
        {
            "type": f"urn:rhapsode:problem:{code}",
            "title": kind.title,
            "status": status,
            "detail": detail,
            "instance": request.url.path,
            "code": code,
            "what_now": kind.what_now,
            "retryable": kind.is_retryable,
            REQUEST_ID: request.scope.get("state", {}).get(REQUEST_ID),
        }
        | members
        | shape
    )
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=_headers(kind))


def _headers(kind: Kind) -> dict[str, str]:
    # Here, too: what answers bugs lies outside of the layer that marks all other answers.
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if kind.is_retryable:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if kind.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="rhapsode"'
    return headers


async def _on_known_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RhapsodeError)
    if not isinstance(error, InputError) or error.is_confidential:
        _log.warning("request_failed", code=error.code, error=str(error), path=request.url.path)
    members = {"errors": error.fields} if isinstance(error, FieldsError) else {}
    return problem_response(request, error.code, error.public_message, **members)


async def _on_invalid_fields(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if any(detail["loc"][0] == "path" for detail in error.errors()):
        detail = f"there is nothing at {request.url.path}"
        return problem_response(request, "not_found", detail)
    return await _on_known_error(request, fields_error(error, skip=1))


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES_OF_STATUS.get(HTTPStatus(error.status_code), "invalid_request")
    response = problem_response(request, code, _detail_of(error, request))
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(allowed_methods(request))
    return response


def _detail_of(error: HTTPException, request: Request) -> str:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return f"there is nothing at {request.url.path}"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{request.method} is not possible at {request.url.path}"
    return str(error.detail)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    # What a bug says may hold a path or a piece of somebody's text: it goes to the log alone.
    _log.error("request_crashed", path=request.url.path, exc_info=error)
    response = problem_response(request, "internal", "an unexpected error; it has been logged")
    # Starlette answers bugs outside of the layer that names all other answers.
    response.headers[ID_HEADER] = str(request.scope.get("state", {}).get(REQUEST_ID))
    return response


def _field(detail: Mapping[str, Any], skip: int) -> dict[str, str]:
    path = [str(part) for part in detail["loc"][skip:]]
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "there is no such field"
    return {"pointer": "/" + "/".join(path), "detail": message}
