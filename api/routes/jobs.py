"""Jobs over HTTP: create, list, get, cancel, retry, delete, and list their chunks."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Query, Request, Response

from api.bodies import FORM, JSON, SHORTER_DOCUMENT, BodyLimits, content_type, read_form, read_json
from api.deps import (
    IdempotencyKey,
    JobId,
    ReadOwner,
    Resources,
    SubmitOwner,
    WithAllowance,
    WithLinks,
    WithResources,
    find_allowance,
    make_links,
)
from api.errors import MediaTypeError
from api.job_form import JobRequest
from api.job_requests import (
    OTHER_FILES,
    canonical_request,
    forget_upload,
    from_form,
    from_plan,
    from_text,
    from_upload,
    parsed,
)
from api.links import Links, link_next
from api.openapi import JOB_BODIES, UPLOADS, problems
from api.presentation import accepted, chunk_body, job_body, job_etag, job_response
from api.queries import ChunkQuery, JobQuery
from api.routing import Router
from api.schemas import ChunkPage, JobBody, JobPage
from api.waiting import MAX_WAIT_S, preferred_wait_s, wait_for_job
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs import control, listing, lookup, purge
from narration.jobs.listing import JobFilter
from narration.jobs.quota import take_place
from narration.jobs.record import Job
from narration.jobs.states import ENDED
from narration.jobs.submission import Submission, Submitted
from narration.keys.scopes import Allowance

if TYPE_CHECKING:
    from api.uploads import Uploads

router = Router(prefix="/v1/jobs", tags=["jobs"], responses=problems(401))
SMALL_BYTES = 16 * 1024  # parsed sooner than another thread would begin to
Prefer = Annotated[str | None, Header(max_length=255)]


@router.post(
    "",
    status_code=202,
    response_model=JobBody,
    openapi_extra=JOB_BODIES,
    responses={
        200: {"model": JobBody, "description": "It ended within the time that was waited for"},
        **problems(401, 429, *UPLOADS),
    },
    summary="Submit a text or a file",
)
async def create_job(
    request: Request,
    owner: SubmitOwner,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Accept a job: 202 and its address; with `Prefer: wait=N`, 200 if it ends within that time.

    Send JSON that contains the text, or a form with a `file` and, optionally, a `cover` and a `job`
    part with the settings as JSON. JSON may name a `plan` or an `upload` instead of a text. With an
    `Idempotency-Key` the same request can be sent again safely.
    """
    resources: Resources = request.app.state.resources
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.document_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
        what_now=SHORTER_DOCUMENT,
    )
    uploads = request.app.state.uploads
    allowance = await find_allowance(request)
    match content_type(request):
        case "application/json":
            body = await read_json(request, body_limits)
            if len(body) <= SMALL_BYTES:
                job_request = parsed(JobRequest, body)
            else:
                job_request = await uploads.run(parsed, JobRequest, body)
            submitted = await _submit_json(request, job_request, owner, idempotency_key, allowance)
        case "multipart/form-data":
            body_form = await read_form(
                request, body_limits, fields=frozenset({"job"}), other_files=OTHER_FILES
            )
            submission = from_form(body_form, owner, idempotency_key)
            submitted = await uploads.submit(replace(submission, allowance=allowance))
        case other:
            raise MediaTypeError(f"the body is {other or 'of no type'}: send {JSON} or {FORM}")
    wait_s = preferred_wait_s(prefer)
    if wait_s:
        job = await _waited(request, submitted.job.id, owner, _has_ended, wait_s)
        submitted = replace(submitted, job=job)
    answer = _accepted(submitted, await make_links(request), is_waited_for=bool(wait_s))
    return _with_preference(answer, wait_s)


@router.get("", summary="List jobs, newest first")
def list_jobs(  # noqa: PLR0917 - FastAPI fills them in by name
    request: Request,
    response: Response,
    resources: WithResources,
    owner: ReadOwner,
    links: WithLinks,
    query: Annotated[JobQuery, Query()],
) -> JobPage:
    """List jobs by `kind`, state, labels (`label=book:42`), time and words (`search`)."""
    job_filter = JobFilter(
        kinds=frozenset(query.kind),
        states=frozenset(query.state),
        labels=query.labels,
        search=query.search,
        created_after=query.created_after,
        created_before=query.created_before,
    )
    with session_scope(resources.database, is_read_only=True) as session:
        page = listing.list_jobs(session, owner, job_filter, cursor=query.cursor, limit=query.limit)
    link_next(request, response, page.cursor)
    now = utc_now()
    items = [job_body(job, now, links=links) for job in page.rows]
    return JobPage(items=items, next_cursor=page.cursor)


@router.get(
    "/{job_id}",
    response_model=JobBody,
    responses={304: {"description": "It is as `If-None-Match` knows it"}, **problems(404)},
    summary="Read a job's state and progress",
)
async def get_job(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
    request: Request,
    owner: ReadOwner,
    links: WithLinks,
    if_none_match: Annotated[str | None, Header()] = None,
    prefer: Prefer = None,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S)] = 0,
) -> Response:
    """Poll this: `Retry-After` says when again, `If-None-Match` with the `ETag` saves the body.

    With `wait` (seconds) or `Prefer: wait=N` the response waits until the job has ended; with
    `If-None-Match`, until the job has changed.
    """

    def is_news(job: Job) -> bool:
        if if_none_match is None:
            return job.state in ENDED
        return job_etag(job, utc_now()) not in if_none_match

    preferred_s = preferred_wait_s(prefer)
    job = await _waited(request, job_id, owner, is_news, wait or preferred_s or 0)
    reading = await request.app.state.reader.read_report(job)
    response = job_response(job, links, reading, if_none_match=if_none_match)
    return _with_preference(response, preferred_s)


@router.post(
    "/{job_id}/cancel", response_model=JobBody, responses=problems(404), summary="Cancel a job"
)
def cancel_job(
    job_id: JobId, resources: WithResources, owner: SubmitOwner, links: WithLinks
) -> Response:
    """Cancel a job; workers stop before their next chunk. An ended job is returned as it is."""
    with session_scope(resources.database) as session:
        job = control.cancel_job(session, job_id, owner=owner, now=utc_now())
        reading = lookup.find_reading(session, job_id)
    return job_response(job, links, reading)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=JobBody,
    responses=problems(404, 409),
    summary="Retry a job",
)
def retry_job(
    job_id: JobId,
    resources: WithResources,
    owner: SubmitOwner,
    links: WithLinks,
    allowance: WithAllowance,
) -> Response:
    """Queue a failed or canceled job again, under the same id; finished chunks are kept."""
    with session_scope(resources.database) as session:
        take_place(session, allowance)
        job = control.retry_job(session, job_id, owner=owner, now=utc_now())
        reading = lookup.find_reading(session, job_id)
    return job_response(job, links, reading, status_code=202)


@router.delete(
    "/{job_id}",
    status_code=204,
    responses=problems(404, 409),
    summary="Delete a job, its text and its audio",
)
def delete_job(job_id: JobId, resources: WithResources, owner: SubmitOwner) -> Response:
    """Delete a job; one that has not ended is canceled first."""
    with session_scope(resources.database) as session:
        purge.delete_job(session, resources.stores, job_id, owner=owner, now=utc_now())
    return Response(status_code=204)


@router.get("/{job_id}/chunks", responses=problems(404), summary="List a job's chunks")
def list_chunks(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
    request: Request,
    response: Response,
    resources: WithResources,
    owner: ReadOwner,
    query: Annotated[ChunkQuery, Query()],
) -> ChunkPage:
    """List a job's chunks and the results of their checks, in the order of the text."""
    with session_scope(resources.database, is_read_only=True) as session:
        lookup.get_job(session, job_id, owner=owner)
        page = listing.list_chunks(
            session, job_id, states=frozenset(query.state), cursor=query.cursor, limit=query.limit
        )
    link_next(request, response, page.cursor)
    return ChunkPage(items=[chunk_body(chunk) for chunk in page.rows], next_cursor=page.cursor)


async def _submit_json(
    request: Request,
    job_request: JobRequest,
    owner: str,
    idempotency_key: str | None,
    allowance: Allowance | None,
) -> Submitted:
    uploads: Uploads = request.app.state.uploads
    if job_request.text is not None:
        submission = from_text(job_request, owner, idempotency_key)
        return await uploads.submit(replace(submission, allowance=allowance))
    result = await uploads.run(_from_named, request, job_request, owner, idempotency_key)
    if isinstance(result, Submitted):
        return result
    submitted = await uploads.submit(replace(result, allowance=allowance))
    await uploads.run(forget_upload, request.app.state.resources, job_request)
    return submitted


def _from_named(
    request: Request, job_request: JobRequest, owner: str, idempotency_key: str | None
) -> Submission | Submitted:
    """Return the submission, or the job of an equal earlier request, whose document may be gone."""
    state = request.app.state
    if idempotency_key is not None:
        canonical = canonical_request(job_request)
        earlier = state.uploads.find_earlier(owner, idempotency_key, canonical)
        if earlier is not None:
            return Submitted(job=earlier, is_replay=True)
    from_named = from_plan if job_request.plan is not None else from_upload
    return from_named(state.resources, job_request, owner, idempotency_key)


def _has_ended(job: Job) -> bool:
    return job.state in ENDED


async def _waited(
    request: Request, job_id: str, owner: str, until: Callable[[Job], bool], timeout_s: float
) -> Job:
    feed, reader = request.app.state.feed, request.app.state.reader
    if timeout_s == 0:
        job: Job = await reader.read(job_id, owner)
        return job
    return await wait_for_job(feed, reader, job_id, owner, until=until, timeout_s=timeout_s)


def _with_preference(response: Response, wait_s: int | None) -> Response:
    if wait_s is not None:
        response.headers["Preference-Applied"] = f"wait={wait_s}"
    return response


def _accepted(submitted: Submitted, links: Links, *, is_waited_for: bool) -> Response:
    is_done = is_waited_for and submitted.job.state in ENDED
    return accepted(submitted, links, status_code=200 if is_done else 202)
