"""OpenAI-compatible speech over HTTP: streams the sound of a text while it is spoken."""

from functools import partial
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import ValidationError

from api.bodies import JSON, BodyLimits, read_json
from api.deps import Resources, SpeakingOwner, WithAllowance, WithLinks, WithResources
from api.errors import TooLargeError, fields_error
from api.links import Links
from api.openapi import AUDIO, SPEECH_BODY, problems
from api.presentation import job_body, job_path
from api.routing import Router
from api.schemas import JobBody
from api.sounding import Listener
from api.speech_bodies import SpeechRequest
from api.speech_response import SpeechResponse
from api.waiting import prefers_async
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import NotFoundError, UnknownVoiceError
from narration.jobs import control
from narration.jobs.create import Destination
from narration.jobs.states import JobKind
from narration.jobs.submission import Submission
from narration.keys.scopes import Allowance
from narration.settings import DEFAULT_PROFILE
from narration.telemetry import log_step

SPEECH_NAME = "speech"
PLAIN = "text/plain"
SMALL_BYTES = 64 * 1024  # a body of this size is parsed at once

router = Router(prefix="/v1/audio", tags=["speech"], responses=problems(400, 401))
Prefer = Annotated[str | None, Header(max_length=255)]


@router.post(
    "/speech",
    response_class=Response,
    openapi_extra=SPEECH_BODY,
    responses={
        200: {"description": "The sound, as it is spoken", "content": AUDIO},
        202: {"model": JobBody, "description": "A job, as requested by `Prefer: respond-async`"},
        **problems(400, 401, 404, 408, 409, 413, 415, 429),
    },
    summary="Speak a text at once",
)
async def create_speech(  # noqa: PLR0917 - FastAPI fills them in by name
    request: Request,
    resources: WithResources,
    owner: SpeakingOwner,
    links: WithLinks,
    allowance: WithAllowance,
    prefer: Prefer = None,
) -> Response:
    """Stream a text as it is spoken, compatible with OpenAI's `audio/speech`.

    The first clause is sent while the rest is spoken. `instructions` and any `speed` other than 1
    are refused. Longer texts must be jobs: `Prefer: respond-async` answers 202 with one.
    """
    speech = await _read(request, resources)
    is_job = prefers_async(prefer)
    most = resources.settings.limits.speech_chars
    if not is_job and len(speech.input) > most:
        raise TooLargeError(
            f"the input has {len(speech.input):,} characters but speech takes {most:,}: send it "
            "as a job (POST /v1/jobs), or with `Prefer: respond-async`"
        )
    await request.app.state.models.require(speech.model)
    try:
        if is_job:
            return await _as_job(request, speech, owner, links, allowance)
        return await _as_stream(request, resources, speech, owner, allowance)
    except UnknownVoiceError as error:
        raise NotFoundError(error.fields[0]["detail"]) from error


async def _read(request: Request, resources: Resources) -> SpeechRequest:
    settings = resources.settings
    body_limits = BodyLimits(
        size_bytes=settings.limits.document_size_bytes, timeout_s=settings.api.body_timeout_s
    )
    body = await read_json(request, body_limits)
    try:
        if len(body) <= SMALL_BYTES:
            return SpeechRequest.model_validate_json(body)
        parsed: SpeechRequest = await request.app.state.uploads.run(
            SpeechRequest.model_validate_json, body
        )
    except ValidationError as error:
        raise fields_error(error) from error
    return parsed


async def _as_job(
    request: Request,
    speech: SpeechRequest,
    owner: str,
    links: Links,
    allowance: Allowance | None,
) -> Response:
    submission = Submission(
        owner=owner,
        name=SPEECH_NAME,
        media_type=PLAIN,
        data=speech.input.encode(),
        settings=speech.job_settings(),
        destination=Destination(profile=DEFAULT_PROFILE),
        allowance=allowance,
    )
    submitted = await request.app.state.uploads.submit(submission)
    headers = {
        "Location": job_path(submitted.job.id),
        "Preference-Applied": "respond-async",
        "Retry-After": "1",
    }
    content = job_body(submitted.job, utc_now(), links=links).model_dump_json()
    return Response(content, status_code=202, media_type=JSON, headers=headers)


async def _as_stream(
    request: Request,
    resources: Resources,
    speech: SpeechRequest,
    owner: str,
    allowance: Allowance | None,
) -> Response:
    retention_s = resources.settings.limits.speech_retention_s
    submission = Submission(
        owner=owner,
        name=SPEECH_NAME,
        media_type=PLAIN,
        data=speech.input.encode(),
        settings=speech.stream_settings(retention_s=retention_s),
        destination=Destination(profile=DEFAULT_PROFILE),
        kind=JobKind.SPEECH,
        allowance=allowance,
    )
    log_step("read")
    submitted = await request.app.state.uploads.submit_urgent(submission)
    log_step("submitted")
    job_id = submitted.job.id
    return SpeechResponse(
        request,
        Listener(owner=owner, job_id=job_id, stream_format=speech.response_format),
        is_sse=speech.stream_format == "sse",
        usage=_usage(speech),
        cancel=partial(_cancel, resources, job_id, owner),
    )


def _usage(speech: SpeechRequest) -> dict[str, int]:
    """Count characters, which this service uses in place of tokens."""
    count = len(speech.input)
    return {"input_tokens": count, "output_tokens": 0, "total_tokens": count}


def _cancel(resources: Resources, job_id: str, owner: str) -> Any:
    with session_scope(resources.database) as session:
        return control.cancel_job(session, job_id, owner=owner, now=utc_now())
