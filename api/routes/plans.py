"""Plans over HTTP: what a document would become, before anything is spoken."""

from typing import TYPE_CHECKING

from fastapi import Request, Response

from api.bodies import FORM, JSON, SHORTER_DOCUMENT, BodyLimits, content_type, read_form, read_json
from api.deps import PlanId, ReadOwner, Resources, SubmitOwner, WithResources
from api.errors import MediaTypeError
from api.job_form import DestinationBody, JobRequest
from api.job_requests import (
    OTHER_FILES,
    forget_upload,
    from_form,
    from_text,
    from_upload,
    parsed,
)
from api.openapi import PLAN_BODIES, UPLOADS, problems
from api.plan_schemas import Estimate, PlanBody, PlanLinks
from api.routing import Router
from api.schemas import SourceBody, Warning_
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs import plans
from narration.jobs.estimate import rendering_s, speech_rate
from narration.jobs.kept_plan import KeptPlan
from narration.jobs.stored import read_settings
from narration.workers import Worker, warm_workers

if TYPE_CHECKING:
    from api.uploads import Uploads

router = Router(prefix="/v1/plans", tags=["plans"], responses=problems(401))


@router.post(
    "",
    status_code=201,
    response_model=PlanBody,
    openapi_extra=PLAN_BODIES,
    responses=problems(401, *UPLOADS),
    summary="Plan a text or a file without speaking it",
)
async def create_plan(request: Request, resources: WithResources, owner: SubmitOwner) -> Response:
    """Read and plan a document without speaking it: 201, the plan, and its address.

    The bodies are those of a job. The plan is kept with its document until `expires_at`; create a
    job from it by `POST /v1/jobs` with its id as `plan` and, optionally, the `chapters` to read.
    """
    uploads = request.app.state.uploads
    match content_type(request):
        case "application/json":
            plan = await _plan_json(request, resources, owner)
        case "multipart/form-data":
            form = await read_form(
                request,
                _limits(resources),
                fields=frozenset({"job"}),
                other_files=OTHER_FILES,
            )
            plan = await uploads.plan(from_form(form, owner))
        case other:
            raise MediaTypeError(f"the body is {other or 'of no type'}: send {JSON} or {FORM}")
    body = await uploads.run(_body, resources, plan)
    return Response(
        body.model_dump_json(),
        status_code=201,
        media_type=JSON,
        headers={"Location": body.urls.self},
    )


@router.get("/{plan_id}", responses=problems(404), summary="Read a plan")
def get_plan(plan_id: PlanId, resources: WithResources, owner: ReadOwner) -> PlanBody:
    """Read a plan; its duration is estimated for the workers that are warm now."""
    with session_scope(resources.database, is_read_only=True) as session:
        now = utc_now()
        plan = plans.get_plan(session, plan_id, owner=owner, now=now)
        return _plan_body(plan, warm_workers(session, now=now))


@router.delete(
    "/{plan_id}", status_code=204, responses=problems(404), summary="Delete a plan and its document"
)
def delete_plan(plan_id: PlanId, resources: WithResources, owner: SubmitOwner) -> Response:
    """Delete a plan; jobs created from it have their own copies of the document."""
    with session_scope(resources.database) as session:
        plans.delete_plan(session, resources.stores, plan_id, owner=owner)
    return Response(status_code=204)


async def _plan_json(request: Request, resources: Resources, owner: str) -> KeptPlan:
    uploads: Uploads = request.app.state.uploads
    body = await read_json(request, _limits(resources))
    job_request = await uploads.run(parsed, JobRequest, body)
    if job_request.upload is None:
        return await uploads.plan(from_text(job_request, owner))
    submission = await uploads.run(from_upload, resources, job_request, owner)
    plan = await uploads.plan(submission)
    await uploads.run(forget_upload, resources, job_request)
    return plan


def _limits(resources: Resources) -> BodyLimits:
    return BodyLimits(
        size_bytes=resources.settings.limits.document_size_bytes,
        timeout_s=resources.settings.api.body_timeout_s,
        what_now=SHORTER_DOCUMENT,
    )


def _body(resources: Resources, plan: KeptPlan) -> PlanBody:
    with session_scope(resources.database, is_read_only=True) as session:
        return _plan_body(plan, warm_workers(session, now=utc_now()))


def _plan_body(plan: KeptPlan, warm: list[Worker]) -> PlanBody:
    outline = plan.outline
    return PlanBody(
        id=plan.id,
        title=outline.title,
        author=outline.author,
        settings=read_settings(plan.settings),
        source=SourceBody(
            name=plan.source_name,
            media_type=plan.source_media_type,
            size_bytes=plan.source_size_bytes,
            sha256=plan.source_sha256,
        ),
        destination=DestinationBody(
            profile=plan.destination_profile, prefix=plan.destination_prefix
        ),
        work=outline.work,
        source_characters=outline.source_characters,
        chunks=outline.chunks,
        chapters_total=outline.chapters_total,
        chapters=outline.chapters,
        estimate=_estimate(outline.audio_s, outline.cached_s, warm),
        reading=outline.reading,
        warnings=[Warning_(code=each.code, detail=each.detail) for each in outline.warnings],
        created_at=plan.created_at,
        expires_at=plan.expires_at,
        urls=PlanLinks(self=f"/v1/plans/{plan.id}"),
    )


def _estimate(audio_s: float, cached_s: float | None, warm: list[Worker]) -> Estimate:
    rate, left_s = speech_rate(warm), rendering_s(audio_s, cached_s, warm)
    return Estimate(
        audio_s=audio_s,
        cached_s=cached_s,
        cached_percent=None if cached_s is None else round(100 * cached_s / max(audio_s, 0.1), 1),
        speech_rate=rate and round(rate, 2),
        rendering_s=None if left_s is None else round(left_s, 1),
    )
