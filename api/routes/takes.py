"""Takes of a job's chunks: hear them, retake a chunk, accept a take."""

from typing import Annotated, TypeVar

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ValidationError

from api.bodies import BodyLimits, read_optional_json
from api.deps import (
    ChunkIndex,
    JobId,
    MediaOwner,
    ReadOwner,
    Resources,
    SubmitOwner,
    WithAllowance,
    WithLinks,
    WithResources,
)
from api.errors import fields_error
from api.files import stored_file
from api.mending import LAST_NUMBER, AcceptForm, RetakeForm, TakeList
from api.openapi import ACCEPT_BODY, FILE, RETAKE_BODY, problems
from api.presentation import chunk_body, job_response, take_body
from api.routing import Router
from api.schemas import ChunkBody, JobBody
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import NotFoundError
from narration.jobs.lookup import find_reading, get_chunk, get_job
from narration.jobs.mend import Retake, accept_take, retake_chunk
from narration.jobs.past_takes import KnownTake, list_takes
from narration.jobs.quota import take_characters
from narration.jobs.states import ENDED
from narration.storage.keys import chunk_audio_key

FLAC = "audio/flac"
MAX_BODY_BYTES = 8192
BODIES = (408, 409, 413, 415)

Form = TypeVar("Form", bound=BaseModel)
Take = Annotated[int | None, Query(ge=0, le=LAST_NUMBER, description="instead of the one kept")]
router = Router(
    prefix="/v1/jobs/{job_id}/chunks/{index}", tags=["mending"], responses=problems(401, 404)
)


@router.get("", summary="Read one chunk")
def get_one_chunk(
    job_id: JobId, index: ChunkIndex, resources: WithResources, owner: ReadOwner
) -> ChunkBody:
    """Read a chunk and the results of its checks."""
    with session_scope(resources.database, is_read_only=True) as session:
        get_job(session, job_id, owner=owner)
        return chunk_body(get_chunk(session, job_id, index))


@router.get("/takes", summary="List the takes of a chunk")
def get_takes(
    job_id: JobId, index: ChunkIndex, resources: WithResources, owner: ReadOwner, links: WithLinks
) -> TakeList:
    """List all available takes with their findings, to compare them."""
    takes = _takes(resources, job_id, index, owner)
    return TakeList(items=[take_body(job_id, index, take, links) for take in takes])


@router.get(
    "/audio",
    response_class=Response,
    responses={
        200: {"description": "The sound", "content": {FLAC: {"schema": FILE}}},
        206: {"description": "The requested range of the sound"},
        302: {"description": "The present URL of the sound"},
        **problems(403, 416),
    },
    summary="Hear a chunk",
)
def get_chunk_audio(
    job_id: JobId,
    index: ChunkIndex,
    resources: WithResources,
    owner: MediaOwner,
    take: Take = None,
) -> Response:
    """Answer with a chunk as it was spoken (FLAC), before its level was set."""
    takes = _takes(resources, job_id, index, owner)
    chosen = next((t for t in takes if (t.is_kept if take is None else t.number == take)), None)
    if chosen is None:
        which = "no take yet" if take is None else f"no take {take}"
        raise NotFoundError(f"chunk {index} of job {job_id} has {which}: see its /takes")
    return stored_file(
        resources.stores.work,
        chunk_audio_key(chosen.sha256),
        media_type=FLAC,
        file_name=f"chunk-{index}-take-{chosen.number}.flac",
        expires_s=resources.settings.storage.presign_s,
    )


@router.post(
    "/retake",
    status_code=202,
    response_model=JobBody,
    openapi_extra=RETAKE_BODY,
    responses=problems(*BODIES),
    summary="Retake a chunk",
)
async def post_retake(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
    index: ChunkIndex,
    request: Request,
    resources: WithResources,
    owner: SubmitOwner,
    links: WithLinks,
    allowance: WithAllowance,
) -> Response:
    """Speak a chunk again with new seeds, another delivery or corrected text.

    A job that has ended returns to rendering and is delivered again: only this chunk is spoken and
    only its part encoded. Earlier deliveries stay listed and can be downloaded.
    """
    form = await _read(RetakeForm, request, resources)
    retake = Retake(spoken_text=form.spoken_text, delivery=form.delivery, seed=form.seed)

    def do() -> Response:
        with session_scope(resources.database) as session:
            get_job(session, job_id, owner=owner)
            text = form.spoken_text or get_chunk(session, job_id, index).spoken_text
            take_characters(session, allowance, len(text), now=utc_now())
            job = retake_chunk(session, job_id, index, retake, owner=owner, now=utc_now())
            return job_response(job, links, find_reading(session, job_id), status_code=202)

    return await run_in_threadpool(do)


@router.post(
    "/accept",
    status_code=202,
    response_model=JobBody,
    openapi_extra=ACCEPT_BODY,
    responses={
        200: {"model": JobBody, "description": "Nothing that is heard changes"},
        **problems(*BODIES),
    },
    summary="Accept a take of a chunk",
)
async def post_accept(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
    index: ChunkIndex,
    request: Request,
    resources: WithResources,
    owner: SubmitOwner,
    links: WithLinks,
) -> Response:
    """Accept a flagged chunk as it is (200), or choose another of its takes (202).

    If another take is chosen, a delivered job is delivered again. A job that failed under its
    strict policy continues once all its flagged chunks are accepted.
    """
    form = await _read(AcceptForm, request, resources)

    def do() -> Response:
        with session_scope(resources.database) as session:
            job = accept_take(session, job_id, index, form.take, owner=owner, now=utc_now())
            reading = find_reading(session, job_id)
            return job_response(job, links, reading, status_code=200 if job.state in ENDED else 202)

    return await run_in_threadpool(do)


def _takes(resources: Resources, job_id: str, index: int, owner: str) -> list[KnownTake]:
    with session_scope(resources.database, is_read_only=True) as session:
        get_job(session, job_id, owner=owner)
        return list_takes(session, get_chunk(session, job_id, index))


async def _read(kind: type[Form], request: Request, resources: Resources) -> Form:
    timeout_s = resources.settings.api.body_timeout_s
    body_limits = BodyLimits(size_bytes=MAX_BODY_BYTES, timeout_s=timeout_s)
    try:
        return kind.model_validate_json(await read_optional_json(request, body_limits))
    except ValidationError as error:
        raise fields_error(error) from error
