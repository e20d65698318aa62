"""Uploads over HTTP: create one, put the document into the store, create a job from its id."""

from dataclasses import replace
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.bodies import JSON, BodyLimits, read_bytes, read_json
from api.deps import ReadOwner, Resources, SubmitOwner, UploadId, WithResources
from api.job_requests import parsed
from api.links import link_next
from api.openapi import UPLOAD_BODY, UPLOADED_BODY, problems
from api.routing import Router
from api.upload_schemas import (
    UploadBody,
    UploadForm,
    UploadPage,
    UploadQuery,
    listed_upload,
    upload_body,
)
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import FieldsError
from narration.jobs import uploads
from narration.jobs.upload import Upload
from narration.storage.keys import source_key

MAX_BODY_BYTES = 8192
BODIES = (408, 413, 415)
ANNOUNCED = "as many were announced, so put that file, or announce this one with its own size"

router = Router(prefix="/v1/uploads", tags=["uploads"], responses=problems(401))


@router.post(
    "",
    status_code=201,
    response_model=UploadBody,
    openapi_extra=UPLOAD_BODY,
    responses=problems(401, 409, *BODIES),
    summary="Create an upload",
)
async def create_upload(request: Request, resources: WithResources, owner: SubmitOwner) -> Response:
    """Announce a file and get the `url` to PUT its bytes to, usually one of the store.

    Afterwards `POST /v1/jobs` or `/v1/plans` takes the id as `upload`. An upload waits for a day.
    """
    form = parsed(UploadForm, await read_json(request, _limits(resources, MAX_BODY_BYTES)))
    most_bytes = resources.settings.limits.document_size_bytes
    if form.size_bytes > most_bytes:
        detail = (
            f"is more than {most_bytes:,}, the most that is taken: announce its volumes one by one"
        )
        raise FieldsError([{"pointer": "/size_bytes", "detail": detail}])
    body = await run_in_threadpool(_create, resources, owner, form)
    headers = {"Location": f"/v1/uploads/{body.id}", "Cache-Control": "no-store"}
    return Response(body.model_dump_json(), status_code=201, media_type=JSON, headers=headers)


@router.get("", summary="List uploads")
def list_uploads(
    request: Request,
    response: Response,
    resources: WithResources,
    owner: ReadOwner,
    query: Annotated[UploadQuery, Query()],
) -> UploadPage:
    """List pending uploads, newest first."""
    with session_scope(resources.database, is_read_only=True) as session:
        found = uploads.list_uploads(
            session, owner=owner, before=query.cursor, limit=query.limit + 1, now=utc_now()
        )
    items = [listed_upload(upload) for upload in found[: query.limit]]
    cursor = items[-1].id if len(found) > query.limit else None
    link_next(request, response, cursor)
    return UploadPage(items=items, next_cursor=cursor)


@router.get("/{upload_id}", responses=problems(404), summary="Read an upload")
def get_upload(upload_id: UploadId, resources: WithResources, owner: SubmitOwner) -> UploadBody:
    """Read a pending upload, with a fresh `url`."""
    return _body(resources, _find(resources, upload_id, owner))


@router.delete(
    "/{upload_id}", status_code=204, responses=problems(404, 503), summary="Delete an upload"
)
def delete_upload(upload_id: UploadId, resources: WithResources, owner: SubmitOwner) -> Response:
    """Delete a pending upload and its bytes; this makes room for another."""
    with session_scope(resources.database) as session:
        uploads.delete_upload(
            session,
            resources.stores.work,
            upload_id,
            owner=owner,
            url_expires_s=resources.settings.storage.presign_s,
            now=utc_now(),
        )
    return Response(status_code=204)


@router.put(
    "/{upload_id}",
    status_code=204,
    openapi_extra=UPLOADED_BODY,
    responses=problems(404, *BODIES),
    summary="Upload a document",
)
async def put_upload(
    upload_id: UploadId, request: Request, resources: WithResources, owner: SubmitOwner
) -> Response:
    """Upload a document's bytes through this server, if the store accepts no direct uploads."""
    upload = await run_in_threadpool(_find, resources, upload_id, owner)
    body_limits = replace(_limits(resources, upload.size_bytes), what_now=ANNOUNCED)
    data = await read_bytes(request, body_limits)
    if len(data) != upload.size_bytes:
        detail = f"has {len(data):,} bytes, but {upload.size_bytes:,} were announced: put it whole"
        raise FieldsError([{"pointer": "/", "detail": detail}])
    await request.app.state.uploads.run(resources.stores.work.put, source_key(upload_id), data)
    return Response(status_code=204)


def _create(resources: Resources, owner: str, form: UploadForm) -> UploadBody:
    with session_scope(resources.database) as session:
        upload = uploads.create_upload(
            session,
            owner=owner,
            name=form.name,
            size_bytes=form.size_bytes,
            most=resources.settings.limits.uploads,
            now=utc_now(),
        )
    return _body(resources, upload)


def _find(resources: Resources, upload_id: str, owner: str) -> Upload:
    with session_scope(resources.database, is_read_only=True) as session:
        return uploads.get_upload(session, upload_id, owner=owner, now=utc_now())


def _body(resources: Resources, upload: Upload) -> UploadBody:
    # No URL may outlive its upload, because what it writes would never be deleted.
    left_s = int((upload.expires_at - utc_now()).total_seconds())
    expires_s = max(1, min(resources.settings.storage.presign_s, left_s))
    url = resources.stores.work.presign_put(
        source_key(upload.id), size_bytes=upload.size_bytes, expires_s=expires_s
    )
    return upload_body(upload, url, expires_s)


def _limits(resources: Resources, size_bytes: int) -> BodyLimits:
    timeout_s = resources.settings.api.body_timeout_s
    return BodyLimits(size_bytes=size_bytes, timeout_s=timeout_s)
