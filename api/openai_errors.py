"""Failures in OpenAI's format, added to the problem documents of OpenAI-compatible calls.

Source: OpenAI's API reference, error codes; its clients raise according to the status.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

PATHS = ("/v1/audio/", "/v1/models")
STATUSES = {HTTPStatus.UNPROCESSABLE_ENTITY: HTTPStatus.BAD_REQUEST}
TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


def openai_shape(
    path: str, status: HTTPStatus, code: str, detail: str, members: Mapping[str, Any]
) -> tuple[HTTPStatus, dict[str, Any]]:
    """Return the status of a failure at a path, and the members that OpenAI's format adds."""
    if not path.startswith(PATHS):
        return status, {}
    status = STATUSES.get(status, status)
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    names = [each["pointer"].strip("/").partition("/")[0] for each in members.get("errors", ())]
    error = {
        "message": detail,
        "type": TYPES.get(status, "server_error" if is_ours else "invalid_request_error"),
        "param": names[0] if names else None,
        "code": code,
    }
    return status, {"error": error}
