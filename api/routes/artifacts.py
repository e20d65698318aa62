"""What a job delivered: presigned URLs made when they are read, or the file itself."""

from typing import Annotated

from fastapi import Path, Response

from api.deps import JobId, Owner, Resources, WithResources
from api.files import send_artifact
from api.openapi import DELIVERED, problems
from api.presentation import artifact_body, job_path
from api.routing import Router
from api.schemas import ArtifactBody, ArtifactList
from narration.database import session_scope
from narration.errors import NotFoundError
from narration.jobs.lookup import get_artifacts, get_job
from narration.jobs.record import Artifact, Job
from narration.storage.interface import Storage

FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]

router = Router(prefix="/v1/jobs/{job_id}/artifacts", tags=["artifacts"], responses=problems(401))


@router.get("", responses=problems(404), summary="List what a job delivered")
def list_artifacts(job_id: JobId, resources: WithResources, owner: Owner) -> ArtifactList:
    """List the files with URLs that anybody can read for `url_expires_s` seconds."""
    job, artifacts = _delivered(resources, job_id, owner)
    storage = resources.stores.profile(job.destination_profile)
    expires_s = resources.settings.storage.presign_s
    return ArtifactList(items=[_body(storage, artifact, expires_s) for artifact in artifacts])


@router.get(
    "/{name}",
    response_class=Response,
    responses={
        200: {"description": "The file; the manifest is JSON", "content": DELIVERED},
        206: {"description": "The range of the file that was asked for"},
        302: {"description": "The file's present URL"},
        **problems(404, 416),
    },
    summary="Download a file",
)
def get_artifact(job_id: JobId, name: FileName, resources: WithResources, owner: Owner) -> Response:
    """Redirect to a presigned URL; where objects are files, send the file."""
    job, artifacts = _delivered(resources, job_id, owner)
    artifact = next((artifact for artifact in artifacts if artifact.name == name), None)
    if artifact is None:
        raise NotFoundError(f"job {job_id} is {job.state} and has no artifact {name!r}")
    return send_artifact(resources, job, artifact)


def _delivered(resources: Resources, job_id: str, owner: str) -> tuple[Job, list[Artifact]]:
    with session_scope(resources.database, is_read_only=True) as session:
        return get_job(session, job_id, owner=owner), get_artifacts(session, job_id)


def _body(storage: Storage, artifact: Artifact, expires_s: int) -> ArtifactBody:
    url = storage.presign(artifact.key, expires_s=expires_s, file_name=artifact.name)
    if url is None:
        path = f"{job_path(artifact.job_id)}/artifacts/{artifact.name}"
        return artifact_body(artifact, path, None)
    return artifact_body(artifact, url, expires_s)
