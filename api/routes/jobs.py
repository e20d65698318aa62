"""Jobs over HTTP: create, list, get, cancel, retry, delete, and what they consist of."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.bodies import FORM, JSON, BodyLimits, content_type, read_form, read_json
from api.deps import Owner, WithResources
from api.errors import MediaTypeError, fields_error
from api.openapi import JOB_BODIES, PROBLEMS
from api.presentation import chunk_body, job_body, job_etag, job_path, retry_after_s
from api.schemas import (
    MEDIA_TYPES,
    ChunkPage,
    DestinationBody,
    JobBody,
    JobForm,
    JobPage,
    JobRequest,
)
from api.submission import Submission, Submitted, submit
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import InputError
from narration.jobs import control, listing, lookup, purge
from narration.jobs.listing import JobFilter
from narration.jobs.purge import purge_objects
from narration.jobs.record import Job
from narration.jobs.states import ChunkState, JobState
from narration.jobs.submit import Destination

TEXT_NAME = "text"
MAX_KEY_CHARS = 255

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=PROBLEMS)
Form = TypeVar("Form", bound=BaseModel)
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=MAX_KEY_CHARS)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class JobQuery(_Query):
    """Which jobs, and from where on."""

    cursor: Annotated[str | None, Field(max_length=64)] = None
    state: frozenset[JobState] = frozenset()
    label: Annotated[list[str], Field(examples=[["book:42"]])] = []
    created_after: datetime | None = None
    created_before: datetime | None = None


class ChunkQuery(_Query):
    """Which chunks, and from where on."""

    cursor: Annotated[str | None, Field(pattern=r"^\d{1,9}$")] = None
    state: frozenset[ChunkState] = frozenset()


@router.post(
    "",
    status_code=202,
    response_model=JobBody,
    openapi_extra=JOB_BODIES,
    summary="Submit a text or a file",
)
async def create_job(
    request: Request, resources: WithResources, owner: Owner, idempotency_key: IdempotencyKey = None
) -> Response:
    """Accept a job: 202 and its address.

    Send JSON with the text in it, or a form with a `file` and, optionally, a `job` part that holds
    the settings as JSON. With an `Idempotency-Key` the same request may be sent again without harm.
    """
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.document_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
    )
    match content_type(request):
        case "application/json":
            body = await read_json(request, body_limits)
            submission = await run_in_threadpool(_from_json, body, owner, idempotency_key)
        case "multipart/form-data":
            fields, upload = await read_form(request, body_limits, fields=frozenset({"job"}))
            form = _parsed(JobForm, fields.get("job", "{}"))
            submission = Submission(
                owner=owner,
                name=upload.name,
                media_type=upload.media_type,
                data=upload.data,
                settings=form.settings,
                destination=_destination(form.destination),
                idempotency_key=idempotency_key,
            )
        case other:
            raise MediaTypeError(f"the body is {other or 'of no type'}: send {JSON} or {FORM}")
    submitted = await run_in_threadpool(
        submit, resources, request.app.state.destinations, submission
    )
    return _accepted(submitted)


@router.get("", summary="List jobs, newest first")
def list_jobs(
    request: Request,
    response: Response,
    resources: WithResources,
    owner: Owner,
    query: Annotated[JobQuery, Query()],
) -> JobPage:
    """List the caller's jobs by state, labels (`label=book:42`) and time of submission."""
    job_filter = JobFilter(
        states=query.state,
        labels=_labels(query.label),
        created_after=_aware(query.created_after),
        created_before=_aware(query.created_before),
    )
    with session_scope(resources.database, is_read_only=True) as session:
        page = listing.list_jobs(session, owner, job_filter, cursor=query.cursor, limit=query.limit)
    _link_next(request, response, page.cursor)
    now = utc_now()
    return JobPage(items=[job_body(job, now) for job in page.rows], next_cursor=page.cursor)


@router.get("/{job_id}", response_model=JobBody, summary="Read a job's state and progress")
async def get_job(
    job_id: str,
    request: Request,
    owner: Owner,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Poll this: `Retry-After` says when again, `ETag` with `If-None-Match` saves the body."""
    job = await request.app.state.reader.read(job_id, owner)
    return _job_response(job, if_none_match=if_none_match)


@router.post("/{job_id}/cancel", response_model=JobBody, summary="Cancel a job")
def cancel_job(job_id: str, resources: WithResources, owner: Owner) -> Response:
    """Cancel; workers let go at their next chunk. An ended job is returned as it is."""
    with session_scope(resources.database) as session:
        job = control.cancel_job(session, job_id, owner=owner, now=utc_now())
    return _job_response(job)


@router.post("/{job_id}/retry", status_code=202, response_model=JobBody, summary="Try a job again")
def retry_job(job_id: str, resources: WithResources, owner: Owner) -> Response:
    """Queue a failed or canceled job again, under the same id; finished chunks are kept."""
    with session_scope(resources.database) as session:
        job = control.retry_job(session, job_id, owner=owner, now=utc_now())
    return _job_response(job, status_code=202)


@router.delete("/{job_id}", status_code=204, summary="Delete a job, its text and its audio")
def delete_job(job_id: str, resources: WithResources, owner: Owner) -> Response:
    """Delete an ended job; one that is under way is canceled first."""
    with session_scope(resources.database) as session:
        job = lookup.get_job(session, job_id, owner=owner)
        purge.delete_job(session, job_id, owner=owner, now=utc_now())
        # Inside the transaction: if the store does not answer, the row is still there to try again,
        # and a retry cannot begin while its source is being deleted.
        purge_objects(resources.stores, job)
    return Response(status_code=204)


@router.get("/{job_id}/chunks", summary="List a job's chunks")
def list_chunks(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: str,
    request: Request,
    response: Response,
    resources: WithResources,
    owner: Owner,
    query: Annotated[ChunkQuery, Query()],
) -> ChunkPage:
    """List what was spoken and how it was judged, in the order of the text."""
    with session_scope(resources.database, is_read_only=True) as session:
        lookup.get_job(session, job_id, owner=owner)
        page = listing.list_chunks(
            session, job_id, states=query.state, cursor=query.cursor, limit=query.limit
        )
    _link_next(request, response, page.cursor)
    return ChunkPage(items=[chunk_body(chunk) for chunk in page.rows], next_cursor=page.cursor)


def _from_json(body: bytes, owner: str, idempotency_key: str | None) -> Submission:
    job_request = _parsed(JobRequest, body)
    return Submission(
        owner=owner,
        name=TEXT_NAME,
        media_type=MEDIA_TYPES[job_request.format],
        data=job_request.text.encode(),
        settings=job_request.settings,
        destination=_destination(job_request.destination),
        idempotency_key=idempotency_key,
    )


def _parsed(kind: type[Form], body: bytes | str) -> Form:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise fields_error(error) from error


def _destination(body: DestinationBody) -> Destination:
    return Destination(profile=body.profile, prefix=body.prefix)


def _accepted(submitted: Submitted) -> Response:
    response = _job_response(submitted.job, status_code=202)
    response.headers["Location"] = job_path(submitted.job.id)
    if submitted.is_replay:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _job_response(
    job: Job, *, status_code: int = 200, if_none_match: str | None = None
) -> Response:
    now = utc_now()
    headers = {"ETag": job_etag(job, now), "Cache-Control": "private, no-cache"}
    retry_s = retry_after_s(job, now)
    if retry_s is not None:
        headers["Retry-After"] = str(retry_s)
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    content = job_body(job, now).model_dump_json()
    return Response(content, status_code=status_code, media_type=JSON, headers=headers)


def _labels(filters: list[str]) -> dict[str, str]:
    pairs = [label.partition(":") for label in filters]
    if any(not separator for _, separator, _ in pairs):
        raise InputError("a label is asked for as name:value, for example label=book:42")
    return {name: value for name, _, value in pairs}


def _aware(moment: datetime | None) -> datetime | None:
    """Read a moment without a zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _link_next(request: Request, response: Response, cursor: str | None) -> None:
    if cursor is not None:
        url: Any = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
