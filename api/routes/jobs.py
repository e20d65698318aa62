"""Jobs over HTTP: create, list, get, cancel, retry, delete, and what they consist of."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from api.bodies import FORM, JSON, BodyLimits, FormBody, content_type, read_form, read_json
from api.deps import JobId, Owner, WithResources
from api.errors import MediaTypeError, fields_error
from api.openapi import JOB_BODIES, UPLOADS, problems
from api.presentation import chunk_body, job_body, job_etag, job_path, retry_after_s
from api.routing import Router
from api.schemas import (
    MEDIA_TYPES,
    ChunkPage,
    DestinationBody,
    JobBody,
    JobForm,
    JobPage,
    JobRequest,
)
from narration.clock import utc_now
from narration.database import session_scope
from narration.ids import id_pattern
from narration.jobs import control, listing, lookup, purge
from narration.jobs.listing import JobFilter
from narration.jobs.reading import ReadingRecord
from narration.jobs.record import Job
from narration.jobs.request import MAX_LABELS, MAX_TEXT_CHARS, Line
from narration.jobs.states import ChunkState, JobState
from narration.jobs.submit import Destination, Submission, Submitted
from narration.jobs.work import MAX_COVER_BYTES

TEXT_NAME = "text"
_OTHER_FILES = {"cover": MAX_COVER_BYTES}
MAX_KEY_CHARS = 255
FIRST_YEAR, LAST_YEAR = 1970, 9998

router = Router(prefix="/v1/jobs", tags=["jobs"], responses=problems(401))
Form = TypeVar("Form", bound=BaseModel)
LabelFilter = Annotated[Line, Field(pattern=r"^[^:]*:", max_length=2 * MAX_TEXT_CHARS + 1)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=MAX_KEY_CHARS)]


def _within_calendar(moment: datetime) -> datetime:
    """Read a moment without a zone as UTC; near the ends of the calendar others cannot be so."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"lies outside of the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_within_calendar)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class JobQuery(_Query):
    """Which jobs, and from where on."""

    cursor: Annotated[str, Field(pattern=id_pattern("job"))] | None = None
    state: frozenset[JobState] = frozenset()
    label: Annotated[list[LabelFilter], Field(max_length=MAX_LABELS, examples=[["book:42"]])] = []
    search: Annotated[Line, Field(max_length=MAX_TEXT_CHARS)] = ""
    created_after: Moment | None = None
    created_before: Moment | None = None


class ChunkQuery(_Query):
    """Which chunks, and from where on."""

    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,9}$")] = None
    state: frozenset[ChunkState] = frozenset()


@router.post(
    "",
    status_code=202,
    response_model=JobBody,
    openapi_extra=JOB_BODIES,
    responses=problems(401, 429, *UPLOADS),
    summary="Submit a text or a file",
)
async def create_job(
    request: Request, resources: WithResources, owner: Owner, idempotency_key: IdempotencyKey = None
) -> Response:
    """Accept a job: 202 and its address.

    Send JSON with the text in it, or a form with a `file` and, optionally, a `job` part that holds
    the settings as JSON and a `cover`. With an `Idempotency-Key` the same request may be sent again
    without harm.
    """
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.document_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
    )
    uploads = request.app.state.uploads
    match content_type(request):
        case "application/json":
            body = await read_json(request, body_limits)
            submission = await uploads.run(_from_json, body, owner, idempotency_key)
        case "multipart/form-data":
            body_form = await read_form(
                request, body_limits, fields=frozenset({"job"}), other_files=_OTHER_FILES
            )
            submission = _from_form(body_form, owner, idempotency_key)
        case other:
            raise MediaTypeError(f"the body is {other or 'of no type'}: send {JSON} or {FORM}")
    return _accepted(await uploads.submit(submission))


@router.get("", summary="List jobs, newest first")
def list_jobs(
    request: Request,
    response: Response,
    resources: WithResources,
    owner: Owner,
    query: Annotated[JobQuery, Query()],
) -> JobPage:
    """List the caller's jobs by state, labels (`label=book:42`), time and words (`search`)."""
    job_filter = JobFilter(
        states=query.state,
        labels=_labels(query.label),
        search=query.search,
        created_after=query.created_after,
        created_before=query.created_before,
    )
    with session_scope(resources.database, is_read_only=True) as session:
        page = listing.list_jobs(session, owner, job_filter, cursor=query.cursor, limit=query.limit)
    _link_next(request, response, page.cursor)
    now = utc_now()
    return JobPage(items=[job_body(job, now) for job in page.rows], next_cursor=page.cursor)


@router.get(
    "/{job_id}",
    response_model=JobBody,
    responses={304: {"description": "It is as `If-None-Match` knows it"}, **problems(404)},
    summary="Read a job's state and progress",
)
async def get_job(
    job_id: JobId,
    request: Request,
    owner: Owner,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Poll this: `Retry-After` says when again, `ETag` with `If-None-Match` saves the body."""
    reader = request.app.state.reader
    job = await reader.read(job_id, owner)
    reading = await reader.read_report(job)
    return _job_response(job, reading, if_none_match=if_none_match)


@router.post(
    "/{job_id}/cancel", response_model=JobBody, responses=problems(404), summary="Cancel a job"
)
def cancel_job(job_id: JobId, resources: WithResources, owner: Owner) -> Response:
    """Cancel; workers let go at their next chunk. An ended job is returned as it is."""
    with session_scope(resources.database) as session:
        job = control.cancel_job(session, job_id, owner=owner, now=utc_now())
        reading = lookup.find_reading(session, job_id)
    return _job_response(job, reading)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=JobBody,
    responses=problems(404, 409),
    summary="Try a job again",
)
def retry_job(job_id: JobId, resources: WithResources, owner: Owner) -> Response:
    """Queue a failed or canceled job again, under the same id; finished chunks are kept."""
    with session_scope(resources.database) as session:
        job = control.retry_job(session, job_id, owner=owner, now=utc_now())
        reading = lookup.find_reading(session, job_id)
    return _job_response(job, reading, status_code=202)


@router.delete(
    "/{job_id}",
    status_code=204,
    responses=problems(404, 409),
    summary="Delete a job, its text and its audio",
)
def delete_job(job_id: JobId, resources: WithResources, owner: Owner) -> Response:
    """Delete an ended job; one that is under way is canceled first."""
    with session_scope(resources.database) as session:
        purge.delete_job(session, resources.stores, job_id, owner=owner, now=utc_now())
    return Response(status_code=204)


@router.get("/{job_id}/chunks", responses=problems(404), summary="List a job's chunks")
def list_chunks(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
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


def _from_form(body: FormBody, owner: str, idempotency_key: str | None) -> Submission:
    form = _parsed(JobForm, body.texts.get("job", "{}"))
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
        cover=job_request.cover,
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
    job: Job,
    reading: ReadingRecord | None = None,
    *,
    status_code: int = 200,
    if_none_match: str | None = None,
) -> Response:
    now = utc_now()
    headers = {"ETag": job_etag(job), "Cache-Control": "private, no-cache"}
    retry_s = retry_after_s(job, now)
    if retry_s is not None:
        headers["Retry-After"] = str(retry_s)
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    content = job_body(job, now, reading).model_dump_json()
    return Response(content, status_code=status_code, media_type=JSON, headers=headers)


def _labels(filters: list[str]) -> dict[str, str]:
    pairs = [label.partition(":") for label in filters]
    return {name: value for name, _, value in pairs}


def _link_next(request: Request, response: Response, cursor: str | None) -> None:
    if cursor is not None:
        url: Any = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
