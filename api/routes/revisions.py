"""Revisions of a job: its deliveries, and jobs that narrate changed texts of it."""

from itertools import groupby

from fastapi import Request, Response

from api.bodies import FORM, JSON, SHORTER_DOCUMENT, BodyLimits, content_type, read_form, read_json
from api.deps import (
    IdempotencyKey,
    JobId,
    ReadOwner,
    SubmitOwner,
    WithAllowance,
    WithLinks,
    WithResources,
)
from api.errors import MediaTypeError
from api.job_form import MEDIA_TYPES
from api.job_requests import TEXT_NAME, parsed
from api.mending import RevisionBody, RevisionForm, RevisionList
from api.openapi import REVISION_BODIES, UPLOADS, problems
from api.presentation import accepted
from api.routes.artifacts import show
from api.routing import Router
from api.schemas import JobBody
from narration.database import session_scope
from narration.jobs.lookup import get_artifacts, get_job, list_past_artifacts, list_revising
from narration.jobs.revise import NewText

router = Router(
    prefix="/v1/jobs/{job_id}/revisions", tags=["mending"], responses=problems(401, 404)
)


@router.get("", summary="List the revisions of a job")
def list_revisions(
    job_id: JobId, resources: WithResources, owner: ReadOwner, links: WithLinks
) -> RevisionList:
    """List every delivery with its files, newest first, and the jobs that revise the text."""
    expires_s = resources.settings.storage.presign_s
    with session_scope(resources.database, is_read_only=True) as session:
        job = get_job(session, job_id, owner=owner)
        present, past = get_artifacts(session, job_id), list_past_artifacts(session, job_id)
        revised_by = list_revising(session, job_id, owner=owner)
    storage = resources.stores.profile(job.destination_profile)
    revisions = [
        RevisionBody(
            number=number,
            replaced_at=replaced_at,
            artifacts=[show(storage, job, artifact, expires_s, links) for artifact in artifacts],
        )
        for (number, replaced_at), artifacts in groupby(
            past, key=lambda artifact: (artifact.revision, artifact.replaced_at)
        )
    ]
    if present:
        artifacts = [show(storage, job, artifact, expires_s, links) for artifact in present]
        newest = RevisionBody(number=present[0].revision, replaced_at=None, artifacts=artifacts)
        revisions.append(newest)
    revisions.reverse()
    return RevisionList(items=revisions, revision_of=job.revision_of, revised_by=revised_by)


@router.post(
    "",
    status_code=202,
    response_model=JobBody,
    openapi_extra=REVISION_BODIES,
    responses=problems(429, *UPLOADS),
    summary="Narrate a changed text",
)
async def create_revision(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
    request: Request,
    resources: WithResources,
    owner: SubmitOwner,
    links: WithLinks,
    allowance: WithAllowance,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Accept a changed text of a job as a new job, with the settings and voice of the first.

    Only what changed is spoken; takes that were retaken, accepted or corrected stay as they are.
    Send JSON with the text, or a form with a `file`. The first job and its files stay.
    """
    # Before the body is read: raises if the owner has no such job.
    await request.app.state.reader.read(job_id, owner)
    body_limits = BodyLimits(
        size_bytes=resources.settings.limits.document_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
        what_now=SHORTER_DOCUMENT,
    )
    uploads = request.app.state.uploads
    match content_type(request):
        case "application/json":
            body = await read_json(request, body_limits)
            new_text = await uploads.run(_from_json, body)
        case "multipart/form-data":
            file = (await read_form(request, body_limits, fields=frozenset())).file
            new_text = NewText(name=file.name, media_type=file.media_type, data=file.data)
        case other:
            raise MediaTypeError(f"the body is {other or 'of no type'}: send {JSON} or {FORM}")
    submitted = await uploads.revise(job_id, owner, new_text, idempotency_key, allowance)
    return accepted(submitted, links)


def _from_json(body: bytes) -> NewText:
    form = parsed(RevisionForm, body)
    media_type = MEDIA_TYPES[form.format]
    return NewText(name=TEXT_NAME, media_type=media_type, data=form.text.encode())
