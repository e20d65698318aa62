"""Voices over HTTP: upload a recording, list, get, delete."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from api.bodies import JSON, BodyLimits, read_form
from api.deps import Owner, WithResources
from api.enrolment import Enrolled, Enrolment, bundled_voices, enrol
from api.errors import fields_error
from api.openapi import PROBLEMS, VOICE_BODY
from api.presentation import voice_body
from api.schemas import VoiceBody, VoiceForm, VoiceList
from narration.database import session_scope
from narration.voices import lookup

router = APIRouter(prefix="/v1/voices", tags=["voices"], responses=PROBLEMS)


@router.post(
    "",
    status_code=202,
    response_model=VoiceBody,
    openapi_extra=VOICE_BODY,
    summary="Upload a recording",
)
async def create_voice(request: Request, resources: WithResources, owner: Owner) -> Response:
    """Send a form with a `file` (five seconds or more of one clear voice) and a `name`.

    The answer is 202: poll the voice until it is `ready`. The same recording under the same name
    again is no error and answers 200.
    """
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.recording_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
    )
    fields, upload = await read_form(request, body_limits, fields=frozenset({"name"}))
    try:
        form = VoiceForm.model_validate(fields)
    except ValidationError as error:
        raise fields_error(error) from error
    enrolment = Enrolment(
        owner=owner,
        name=form.name,
        file_name=upload.name,
        media_type=upload.media_type,
        data=upload.data,
    )
    return _enrolled(await run_in_threadpool(enrol, resources, enrolment))


@router.get("", summary="List voices")
def list_voices(resources: WithResources, owner: Owner) -> VoiceList:
    """List the caller's voices by name, and those that come with the model."""
    with session_scope(resources.database, is_read_only=True) as session:
        own_voices = lookup.list_voices(session, owner)
        bundled = bundled_voices(session)
    return VoiceList(items=[voice_body(voice) for voice in own_voices], bundled=bundled)


@router.get("/{voice_id}", summary="Read a voice's state")
def get_voice(voice_id: str, resources: WithResources, owner: Owner) -> VoiceBody:
    """Poll this until `state` is `ready` or `failed`."""
    with session_scope(resources.database, is_read_only=True) as session:
        return voice_body(lookup.get_voice(session, voice_id, owner=owner))


@router.delete("/{voice_id}", status_code=204, summary="Delete a voice")
def delete_voice(voice_id: str, resources: WithResources, owner: Owner) -> Response:
    """Delete a voice, its recording and its conditioning; what it has spoken stays."""
    with session_scope(resources.database) as session:
        voice = lookup.delete_voice(session, voice_id, owner=owner)
        # Inside the transaction: if the store does not answer, the row is still there to try again.
        for key in (voice.recording_key, voice.conditioning_key):
            if key is not None:
                resources.stores.work.delete(key)
    return Response(status_code=204)


def _enrolled(enrolled: Enrolled) -> Response:
    body = voice_body(enrolled.voice)
    headers = {"Location": f"/v1/voices/{body.id}"}
    if enrolled.is_new:
        headers["Retry-After"] = "2"
    status_code = 202 if enrolled.is_new else 200
    return Response(
        body.model_dump_json(), status_code=status_code, media_type=JSON, headers=headers
    )
