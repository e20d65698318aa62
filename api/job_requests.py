"""Converts requests for jobs and plans, from JSON and from forms, to submissions."""

import json
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from api.bodies import FormBody
from api.deps import Resources
from api.errors import fields_error
from api.job_form import MEDIA_TYPES, DestinationBody, JobForm, JobRequest
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import FieldsError, NotFoundError, OutputError, TransientError
from narration.jobs.create import Destination
from narration.jobs.plans import submission_of
from narration.jobs.request import JobSettings
from narration.jobs.submission import Submission
from narration.jobs.uploads import get_upload, read_upload, use_upload
from narration.jobs.work import MAX_COVER_BYTES

TEXT_NAME = "text"
OTHER_FILES = {"cover": MAX_COVER_BYTES}
_NOT_SETTINGS = {"text", "format", "plan", "upload", "cover", "destination"}

log = structlog.get_logger(__name__)
Form = TypeVar("Form", bound=BaseModel)


def parsed(kind: type[Form], body: bytes | str) -> Form:
    """Parse JSON. Raises: FieldsError."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise fields_error(error) from error


def from_form(body: FormBody, owner: str, idempotency_key: str | None = None) -> Submission:
    """Return the submission in a form. Raises: FieldsError."""
    form = parsed(JobForm, body.texts.get("job", "{}"))
    return Submission(
        owner=owner,
        name=body.file.name,
        media_type=body.file.media_type,
        data=body.file.data,
        settings=form.settings,
        destination=_destination(form.destination),
        idempotency_key=idempotency_key,
        cover=body.others.get("cover"),
    )


def from_text(request: JobRequest, owner: str, idempotency_key: str | None = None) -> Submission:
    """Return the submission in a request that contains its text. Raises: FieldsError."""
    if request.text is None:
        raise FieldsError([{"pointer": "/text", "detail": "is missing: send the text itself"}])
    return Submission(
        owner=owner,
        name=TEXT_NAME,
        media_type=MEDIA_TYPES[request.format],
        data=request.text.encode(),
        settings=request.settings,
        destination=_destination(request.destination),
        idempotency_key=idempotency_key,
        cover=request.cover,
    )


def canonical_request(request: JobRequest) -> str:
    """Return a canonical form of a request that names its document by an id."""
    fields = request.model_dump(mode="json", exclude_unset=True)
    return json.dumps(fields, sort_keys=True)


def from_upload(
    resources: Resources, request: JobRequest, owner: str, idempotency_key: str | None = None
) -> Submission:
    """Return the submission of an uploaded document.

    Raises: FieldsError if it is not there; StorageUnavailable.
    """
    assert request.upload is not None
    try:
        with session_scope(resources.database, is_read_only=True) as session:
            upload = get_upload(session, request.upload, owner=owner, now=utc_now())
        data = read_upload(resources.stores.work, upload)
    except NotFoundError as error:
        raise FieldsError([{"pointer": "/upload", "detail": str(error)}]) from error
    return Submission(
        owner=owner,
        name=upload.name,
        media_type=None,
        data=data,
        settings=request.settings,
        destination=_destination(request.destination),
        idempotency_key=idempotency_key,
        cover=request.cover,
        request=canonical_request(request),
    )


def forget_upload(resources: Resources, request: JobRequest) -> None:
    """Delete a used upload; if that fails, it expires within a day."""
    if request.upload is None:
        return
    try:
        with session_scope(resources.database) as session:
            use_upload(session, resources.stores.work, request.upload, now=utc_now())
    except (TransientError, OutputError) as error:
        log.info("upload_not_deleted", upload_id=request.upload, reason=str(error))


def from_plan(
    resources: Resources, request: JobRequest, owner: str, idempotency_key: str | None
) -> Submission:
    """Return the submission of a plan; settings in the request override the plan's.

    Raises: FieldsError if the plan is not there; StorageUnavailable.
    """
    assert request.plan is not None
    try:
        with session_scope(resources.database, is_read_only=True) as session:
            planned = submission_of(
                session, resources.stores, request.plan, owner=owner, now=utc_now()
            )
    except NotFoundError as error:
        detail = f"{error}; send the text or file itself, or plan it again"
        raise FieldsError([{"pointer": "/plan", "detail": detail}]) from error
    overrides = request.model_dump(mode="json", exclude_unset=True, exclude=_NOT_SETTINGS)
    is_elsewhere = "destination" in request.model_fields_set
    return Submission(
        owner=owner,
        name=planned.name,
        media_type=planned.media_type,
        data=planned.data,
        settings=_override(planned.settings, overrides),
        destination=_destination(request.destination) if is_elsewhere else planned.destination,
        idempotency_key=idempotency_key,
        cover=planned.cover,
        request=canonical_request(request),
    )


def _override(settings: JobSettings, overrides: dict[str, Any]) -> JobSettings:
    """Override settings; in an object such as `delivery`, only the fields that were sent."""
    merged = settings.model_dump(mode="json")
    for name, value in overrides.items():
        is_part = isinstance(merged[name], dict) and isinstance(value, dict) and name != "labels"
        merged[name] = merged[name] | value if is_part else value
    return JobSettings.model_validate(merged)


def _destination(body: DestinationBody) -> Destination:
    return Destination(profile=body.profile, prefix=body.prefix)
