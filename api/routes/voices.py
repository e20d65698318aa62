"""Voices over HTTP: upload a recording, list, get, delete."""

from fastapi import Request, Response
from pydantic import ValidationError

from api.bodies import JSON, BodyLimits, read_form
from api.deps import Owner, VoiceId, WithResources
from api.errors import fields_error
from api.openapi import UPLOADS, VOICE_BODY, problems
from api.presentation import voice_body
from api.routing import Router
from api.schemas import VoiceBody, VoiceForm, VoiceList
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs import purge
from narration.voices import lookup
from narration.voices.enrol import Enrolled
from narration.workers import bundled_voices

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
async def create_voice(request: Request, resources: WithResources, owner: Owner) -> Response:
    """Send a form with a `file` (five seconds or more of one clear voice) and a `name`.

    The answer is 202: poll the voice until it is `ready`. The same recording under the same name
    again is no error and answers 200.
    """
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.recording_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
    )
    body = await read_form(request, body_limits, fields=frozenset({"name"}))
    try:
        form = VoiceForm.model_validate(body.texts)
    except ValidationError as error:
        raise fields_error(error) from error
    return _enrolled(await request.app.state.uploads.enrol(owner, form.name, body.file))


@router.get("", summary="List voices")
def list_voices(resources: WithResources, owner: Owner) -> VoiceList:
    """List the caller's voices by name, and those that come with the model."""
    with session_scope(resources.database, is_read_only=True) as session:
        own_voices = lookup.list_voices(session, owner)
        bundled = bundled_voices(session, now=utc_now())
    return VoiceList(items=[voice_body(voice) for voice in own_voices], bundled=bundled)


@router.get("/{voice_id}", responses=problems(404), summary="Read a voice's state")
def get_voice(voice_id: VoiceId, resources: WithResources, owner: Owner) -> VoiceBody:
    """Poll this until `state` is `ready` or `failed`."""
    with session_scope(resources.database, is_read_only=True) as session:
        return voice_body(lookup.get_voice(session, voice_id, owner=owner))


@router.delete("/{voice_id}", status_code=204, responses=problems(404), summary="Delete a voice")
def delete_voice(voice_id: VoiceId, resources: WithResources, owner: Owner) -> Response:
    """Delete a voice; what it has spoken stays, and jobs under way end with it.

    Its recording and conditioning go with it, or with the last job that needs them.
    """
    with session_scope(resources.database) as session:
        purge.delete_voice(session, resources.stores, voice_id, owner=owner)
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
