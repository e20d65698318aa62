"""A server's refusal, in the words of the command line instead of those of HTTP."""

from collections.abc import Mapping

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from narration.errors import ConflictError, InputError, NotFoundError, RhapsodeError
from rhapsode.option_names import explain_fields

_KINDS: Mapping[int, type[InputError]] = {404: NotFoundError, 409: ConflictError}
_KEY = "set RHAPSODE_CLIENT__KEY to "
_MAKE_KEY = "; `rhapsode keys create` makes one where the server runs"
# What a user can do, by the problem's code. Empty where the message says it; a code that is not
# here is of a newer server, whose own words are better than none.
_WHAT_NOW = {
    "unauthorized": f"{_KEY}a key of this server",
    "key_revoked": f"{_KEY}another key{_MAKE_KEY}",
    "key_expired": f"{_KEY}another key{_MAKE_KEY}",
    "scope_missing": f"{_KEY}a key that has the scope{_MAKE_KEY}",
    "forbidden": f"{_KEY}a key of this server",
    "invalid_request": "",
    "settings_invalid": "",
    "document_invalid": "",
    "conflict": "",
    "gone": "",
    "idempotency_conflict": "",
    "not_found": "check the address of the server",
    "method_not_allowed": "check the address of the server and its version",
    "unsupported_media_type": "check the address of the server and its version",
    "head_too_large": "shorten the key, or the address of the server",
    "range_invalid": "run the same command again",
    "signature_invalid": "run the same command again",
    "internal": "report request {request_id} to whoever runs the server",
}


class _Field(BaseModel):
    pointer: str
    detail: str


class _Problem(BaseModel):
    """What is read of a problem document; the rest is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    detail: str
    code: str | None = None
    what_now: str
    retryable: bool = False
    request_id: str | None = None
    errors: tuple[_Field, ...] | None = None


def refusal(response: httpx.Response) -> InputError:
    """Return the error for an answer that refuses, with the server's code."""
    error = _KINDS.get(response.status_code, InputError)(refusal_text(response))
    pass_code_on(response, error)
    return error


def pass_code_on(response: httpx.Response, error: RhapsodeError) -> None:
    """Give an error the code of a server's problem, by which scripts tell problems apart."""
    problem = _read(response)
    if problem is not None and problem.code is not None:
        error.code = problem.code


def refusal_text(response: httpx.Response) -> str:
    """Return what the server says; without a problem document it was not Rhapsode that answered."""
    problem = _read(response)
    if problem is None:
        return f"status {response.status_code} from {response.url.host}"
    detail = problem.detail
    if problem.errors:
        detail = explain_fields([(field.pointer, field.detail) for field in problem.errors])
    if problem.retryable:  # the client does so by itself
        return detail
    what_now = _WHAT_NOW.get(problem.code or "", problem.what_now)
    what_now = what_now.replace("{request_id}", problem.request_id or "")
    return f"{detail} ({what_now})" if what_now else detail


def _read(response: httpx.Response) -> _Problem | None:
    try:
        return _Problem.model_validate_json(response.content)
    except ValidationError:
        return None
