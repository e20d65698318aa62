"""Voices over HTTP: upload a recording, list, get, delete."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.bodies import JSON, BodyLimits, read_form, read_json
from api.deps import (
    AnyVoiceId,
    ReadOwner,
    Resources,
    SubmitOwner,
    VoiceId,
    VoicesOwner,
    WithAllowance,
    WithLinks,
    WithResources,
)
from api.errors import fields_error
from api.files import send_artifact
from api.job_requests import parsed
from api.openapi import DELIVERED, UPLOADS, VOICE_BODY, VOICE_PATCH, problems
from api.presentation import job_body, job_path
from api.previews import find_preview
from api.routing import Router
from api.schemas import JobBody, VoiceBody, VoiceForm, VoiceList
from api.voice_schemas import MAX_TAGS, Tag, VoicePatch, bundled_body, voice_body
from api.waiting import MAX_WAIT_S, wait_for_job
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs import purge
from narration.jobs.lookup import get_artifacts
from narration.jobs.record import Job
from narration.jobs.states import ENDED, RETRYABLE, JobState
from narration.storage.keys import MANIFEST
from narration.voices import lookup
from narration.voices.enrol import Enrolled
from narration.voices.notes import VoiceNotes, lock_voice, read_notes, write_notes
from narration.workers import bundled_digests

NOTES = "voice"  # the form part that contains the notes
MAX_NOTES_BYTES = 32 * 1024

router = Router(prefix="/v1/voices", tags=["voices"], responses=problems(401))


@router.post(
    "",
    status_code=202,
    response_model=VoiceBody,
    openapi_extra=VOICE_BODY,
    responses={
        200: {"model": VoiceBody, "description": "It is here already"},
        **problems(*UPLOADS),
    },
    summary="Upload a recording",
)
async def create_voice(request: Request, resources: WithResources, owner: VoicesOwner) -> Response:
    """Send a form with a `file` (five seconds or more of one clear voice) and a `name`.

    A part `voice` may contain notes as JSON: tags, default delivery settings, consent. The response
    is 202: poll the voice until it is `ready`. Sending the same recording under the same name again
    is no error and answers 200.
    """
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.recording_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
        what_now="send a shorter recording",
    )
    body = await read_form(request, body_limits, fields=frozenset({"name", NOTES}))
    try:
        fields = {name: text for name, text in body.texts.items() if name != NOTES}
        form = VoiceForm.model_validate(fields)
    except ValidationError as error:
        raise fields_error(error) from error
    notes = parsed(VoicePatch, body.texts.get(NOTES, "{}")).noted_on(VoiceNotes())
    return _enrolled(await request.app.state.uploads.enrol(owner, form.name, body.file, notes))


@router.get("", summary="List voices")
def list_voices(
    resources: WithResources,
    owner: ReadOwner,
    tag: Annotated[list[Tag], Query(max_length=MAX_TAGS)] = [],  # noqa: B006 - FastAPI copies it
) -> VoiceList:
    """List the caller's voices by name, and those bundled with the model.

    With `tag`, which may be repeated, list only voices that have all of these tags.
    """
    with session_scope(resources.database, is_read_only=True) as session:
        own_voices = lookup.list_voices(session, owner)
        bundled = {} if tag else _bundled(session, owner)
    return VoiceList(
        items=[voice_body(voice) for voice in own_voices if set(tag) <= set(voice.tags or ())],
        bundled=[bundled_body(name, digest) for name, digest in bundled.items()],
    )


@router.get("/{voice_id}", responses=problems(404), summary="Read a voice's state")
def get_voice(voice_id: AnyVoiceId, resources: WithResources, owner: ReadOwner) -> VoiceBody:
    """Poll this until `state` is `ready` or `failed`; read bundled voices by their names."""
    return _find(resources, voice_id, owner)


@router.get(
    "/{voice_id}/preview",
    response_class=Response,
    responses={
        200: {"description": "A sentence, as MP3", "content": DELIVERED},
        202: {"model": JobBody, "description": "It is being spoken"},
        206: {"description": "The requested range of the file"},
        302: {"description": "The file's present URL"},
        **problems(404, 409, 416, 429),
    },
    summary="Hear a voice",
)
async def get_preview(  # noqa: PLR0917 - FastAPI fills them in by name
    voice_id: AnyVoiceId,
    request: Request,
    resources: WithResources,
    owner: SubmitOwner,
    links: WithLinks,
    allowance: WithAllowance,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S)] = 0,
    exaggeration: Annotated[float | None, Query(ge=0, le=2)] = None,
) -> Response:
    """Get the sound of a sample sentence in this voice; 202 while it is being spoken.

    With `wait` (seconds) the response waits for it; `exaggeration` is as in a job's `delivery`.
    """
    uploads = request.app.state.uploads
    voice = await uploads.run(_find, resources, voice_id, owner)
    preview = partial(
        find_preview,
        uploads,
        resources,
        owner,
        voice.id,
        delivery=voice.delivery,
        exaggeration=exaggeration,
        allowance=allowance,
    )
    job = await preview()
    if job.state not in ENDED and wait:
        feed, reader = request.app.state.feed, request.app.state.reader
        job = await wait_for_job(
            feed, reader, job.id, owner, until=lambda job: job.state in ENDED, timeout_s=wait
        )
    if job.state in RETRYABLE:
        job = await preview()  # it says why
    if job.state is not JobState.SUCCEEDED:
        headers = {"Location": job_path(job.id), "Retry-After": "1"}
        content = job_body(job, utc_now(), links=links).model_dump_json()
        return Response(content, status_code=202, media_type=JSON, headers=headers)
    response: Response = await uploads.run(_preview_file, resources, job)
    return response


@router.patch(
    "/{voice_id}",
    response_model=VoiceBody,
    openapi_extra=VOICE_PATCH,
    responses=problems(404, 408, 413, 415),
    summary="Change a voice's notes",
)
async def change_voice(
    voice_id: VoiceId, request: Request, resources: WithResources, owner: VoicesOwner
) -> Response:
    """Change a voice's tags, default delivery settings or consent note; null removes one.

    Jobs that were already submitted do not change.
    """
    timeout_s = resources.settings.api.body_timeout_s
    limits = BodyLimits(size_bytes=MAX_NOTES_BYTES, timeout_s=timeout_s)
    patch = parsed(VoicePatch, await read_json(request, limits))

    def change() -> VoiceBody:
        with session_scope(resources.database) as session:
            voice = lock_voice(session, voice_id, owner=owner)
            write_notes(voice, patch.noted_on(read_notes(voice)))
            return voice_body(voice)

    body = await run_in_threadpool(change)
    return Response(body.model_dump_json(), media_type=JSON)


@router.delete("/{voice_id}", status_code=204, responses=problems(404), summary="Delete a voice")
def delete_voice(voice_id: VoiceId, resources: WithResources, owner: VoicesOwner) -> Response:
    """Delete a voice; finished audio stays, and jobs that were submitted with it can finish.

    Its recording and conditioning are deleted with it, or with the last job that needs them.
    """
    with session_scope(resources.database) as session:
        purge.delete_voice(session, resources.stores, voice_id, owner=owner)
    return Response(status_code=204)


def _bundled(session: Session, owner: str) -> dict[str, str | None]:
    """Return bundled voices with their digests; an owner's voice hides one of the same name."""
    own = {voice.name for voice in lookup.list_voices(session, owner)}
    digests = {lookup.DEFAULT_VOICE: None} | bundled_digests(session, now=utc_now())
    return {name: digests[name] for name in sorted(digests.keys() - own)}


def _find(resources: Resources, voice_id: str, owner: str) -> VoiceBody:
    with session_scope(resources.database, is_read_only=True) as session:
        bundled = _bundled(session, owner)
        if voice_id in bundled:
            return bundled_body(voice_id, bundled[voice_id])
        return voice_body(lookup.get_voice(session, voice_id, owner=owner))


def _preview_file(resources: Resources, job: Job) -> Response:
    with session_scope(resources.database, is_read_only=True) as session:
        artifacts = get_artifacts(session, job.id)
    sound = next(artifact for artifact in artifacts if artifact.name != MANIFEST)
    return send_artifact(resources, job, sound)


def _enrolled(enrolled: Enrolled) -> Response:
    body = voice_body(enrolled.voice)
    headers = {"Location": f"/v1/voices/{body.id}"}
    if enrolled.is_new:
        headers["Retry-After"] = "2"
    status_code = 202 if enrolled.is_new else 200
    return Response(
        body.model_dump_json(), status_code=status_code, media_type=JSON, headers=headers
    )
