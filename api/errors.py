"""Errors as RFC 9457 problem documents, from one table of codes.

All failures pass through here, including FastAPI's own, so that a client needs only one parser.
Each code is explained in docs/api.md.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from api.openai_errors import openai_shape
from api.problem_kinds import KINDS, MEDIA_TYPE, RATE_LIMIT_HEADER, Kind
from api.routing import allowed_methods
from api.wording import explain_value
from narration.errors import FieldsError, InputError, LimitError, RhapsodeError

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
    """The media type of the request body is not supported."""

    code = "unsupported_media_type"


class UnauthorizedError(InputError):
    """A bearer key is required."""

    code = "unauthorized"


class RevokedKeyError(InputError):
    """The key was revoked."""

    code = "key_revoked"


class ExpiredKeyError(InputError):
    """The key has expired."""

    code = "key_expired"


class ScopeError(InputError):
    """The key lacks the scope for this."""

    code = "scope_missing"


class ForbiddenError(InputError):
    """A session may only be used by the page of this server."""

    code = "forbidden"


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
    """Convert Pydantic's errors field by field; `skip` drops leading path parts."""
    return FieldsError([_field(detail, skip) for detail in error.errors()])


def problem_response(request: Request, code: str, detail: str, **members: Any) -> JSONResponse:
    """Write one problem document.

    Source: RFC 9457; `code`, `what_now`, `retryable`, `request_id` and `errors` are extensions.
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
    # Set here as well: answers to bugs bypass the layer that marks all other answers.
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if kind.is_retryable:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if kind.status is HTTPStatus.TOO_MANY_REQUESTS:  # what this server takes from all together
        headers[RATE_LIMIT_HEADER.decode()] = f'"server";r=0;t={RETRY_AFTER_S}'
    if kind.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="rhapsode"'
    return headers


async def _on_known_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RhapsodeError)
    if not isinstance(error, InputError) or error.is_confidential:
        _log.warning("request_failed", code=error.code, error=str(error), path=request.url.path)
    members = {"errors": error.fields} if isinstance(error, FieldsError) else {}
    response = problem_response(request, error.code, error.public_message, **members)
    if isinstance(error, LimitError):
        wait_s = error.retry_after_s
        response.headers["Retry-After"] = str(wait_s)
        rate_limit = f'"{error.policy}";r={error.left};t={wait_s}'
        response.headers[RATE_LIMIT_HEADER.decode()] = rate_limit
    return response


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
    path = request.url.path
    known = {404: f"there is nothing at {path}", 405: f"{request.method} is not possible at {path}"}
    return known.get(error.status_code, "the request cannot be read: look at its body and headers")


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    # The message of a bug may contain a path or user text, so it goes only to the log.
    _log.error("request_crashed", path=request.url.path, exc_info=error)
    response = problem_response(request, "internal", "an unexpected error; it has been logged")
    # Starlette answers bugs outside the layer that adds the id to all other answers.
    response.headers[ID_HEADER] = str(request.scope.get("state", {}).get(REQUEST_ID))
    return response


def _field(detail: Mapping[str, Any], skip: int) -> dict[str, str]:
    path = [str(part) for part in detail["loc"][skip:]]
    message = explain_value(detail["type"], str(detail["msg"]), detail.get("ctx", {}))
    return {"pointer": "/" + "/".join(path), "detail": message}
