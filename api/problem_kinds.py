"""The kinds of problems: their status, title, and what the caller can do; by their code."""

from dataclasses import dataclass, replace
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"
# Response headers for keys with limits; see api.metering.
RATE_LIMIT_HEADER, POLICY_HEADER = b"ratelimit", b"ratelimit-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of problem: its status, its title, and what the caller can do about it."""

    status: HTTPStatus
    title: str
    what_now: str
    is_retryable: bool = False


KINDS: dict[str, Kind] = {
    "invalid_request": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The request is invalid",
        what_now="Correct the fields named in `errors` and send it again.",
    ),
    "settings_invalid": Kind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="A setting is invalid",
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
    "key_revoked": Kind(
        status=HTTPStatus.UNAUTHORIZED,
        title="The key was revoked",
        what_now="Send another key; `rhapsode keys create` makes one where the server runs.",
    ),
    "key_expired": Kind(
        status=HTTPStatus.UNAUTHORIZED,
        title="The key has expired",
        what_now="Send another key; `rhapsode keys create` makes one where the server runs.",
    ),
    "scope_missing": Kind(
        status=HTTPStatus.FORBIDDEN,
        title="The key lacks the scope for this",
        what_now="Send a key that has the scope, or have one created: `rhapsode keys create`.",
    ),
    "forbidden": Kind(
        status=HTTPStatus.FORBIDDEN,
        title="A session may only be used by the page of this server",
        what_now="Use the page of this server, or send a bearer key.",
    ),
    "signature_invalid": Kind(
        status=HTTPStatus.FORBIDDEN,
        title="The signed URL is not valid",
        what_now="Read the job again: the URLs in its body are signed anew.",
    ),
    "gone": Kind(
        status=HTTPStatus.GONE,
        title="The resource was deleted",
        what_now="Use the job's finished files; `artifacts` lists them.",
    ),
    "not_found": Kind(
        status=HTTPStatus.NOT_FOUND,
        title="There is no such resource",
        what_now="Check the address; purged resources do not come back.",
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
        title="The media type of the request body is not supported",
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
        what_now="Ask for bytes within the size in `Content-Range`.",
    ),
    "head_too_large": Kind(
        status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        title="The request line and headers are too large",
        what_now="Send shorter headers, and long values in the body.",
    ),
    "queue_full": Kind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        title="The queue is full",
        what_now="Send the request again after `Retry-After` seconds.",
        is_retryable=True,
    ),
    "limit_reached": Kind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        title="The key has reached one of its limits",
        what_now="Send the request again after `Retry-After` seconds, or have the limit raised.",
        is_retryable=True,
    ),
    "unavailable": Kind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="A service that the server depends on does not answer",
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
        title="The server has hit an internal error",
        what_now="Report the `request_id` to whoever runs this server.",
    ),
}
# The code says which service does not answer; for a client they all mean the same.
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
KINDS["nothing_spoken"] = replace(
    KINDS["voice_not_ready"], title="There is nothing to listen to yet"
)
