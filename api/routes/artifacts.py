"""The files that a job delivered: presigned URLs made on request, or the files themselves."""

from typing import Annotated

from fastapi import Path, Query, Response

from api.deps import JobId, MediaOwner, ReadOwner, Resources, WithLinks, WithResources
from api.files import download_name, send_artifact
from api.links import Links
from api.mending import LAST_NUMBER, ArtifactBody, ArtifactList
from api.openapi import DELIVERED, problems
from api.presentation import artifact_body, job_path
from api.routing import Router
from narration.database import session_scope
from narration.errors import NotFoundError
from narration.jobs.history import PastArtifact
from narration.jobs.lookup import get_artifacts, get_job, list_past_artifacts
from narration.jobs.record import Artifact, Job
from narration.storage.interface import Storage

FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Revision = Annotated[
    int | None, Query(ge=1, le=LAST_NUMBER, description="of an earlier delivery; see /revisions")
]

router = Router(prefix="/v1/jobs/{job_id}/artifacts", tags=["artifacts"], responses=problems(401))


@router.get("", responses=problems(404), summary="List a job's files")
def list_artifacts(
    job_id: JobId,
    resources: WithResources,
    owner: ReadOwner,
    links: WithLinks,
    revision: Revision = None,
) -> ArtifactList:
    """List the files with URLs that work without a key for `url_expires_s` seconds."""
    job, artifacts = _delivered(resources, job_id, owner, revision)
    storage = resources.stores.profile(job.destination_profile)
    expires_s = resources.settings.storage.presign_s
    return ArtifactList(items=[show(storage, job, each, expires_s, links) for each in artifacts])


@router.get(
    "/{name}",
    response_class=Response,
    responses={
        200: {"description": "The file; the manifest is JSON", "content": DELIVERED},
        206: {"description": "The requested range of the file"},
        302: {"description": "The file's present URL"},
        **problems(403, 404, 416),
    },
    summary="Download a file",
)
def get_artifact(
    job_id: JobId,
    name: FileName,
    resources: WithResources,
    owner: MediaOwner,
    revision: Revision = None,
) -> Response:
    """Redirect to a presigned URL; if objects are local files, send the file."""
    job, artifacts = _delivered(resources, job_id, owner, revision)
    artifact = next((artifact for artifact in artifacts if artifact.name == name), None)
    if artifact is None:
        raise NotFoundError(f"job {job_id} is {job.state} and has no artifact {name!r}")
    return send_artifact(resources, job, artifact)


def show(
    storage: Storage, job: Job, artifact: Artifact | PastArtifact, expires_s: int, links: Links
) -> ArtifactBody:
    """Convert an artifact to its body, with a fresh URL."""
    file_name = download_name(job, artifact.name)
    url = storage.presign(artifact.key, expires_s=expires_s, file_name=file_name)
    if url is not None:
        return artifact_body(artifact, url, expires_s)
    path = f"{job_path(artifact.job_id)}/artifacts/{artifact.name}"
    of_past = f"revision={artifact.revision}" if isinstance(artifact, PastArtifact) else ""
    lasts_s = links.lasts_s if links.key else None
    return artifact_body(artifact, links.signed(path, of_past), lasts_s)


def _delivered(
    resources: Resources, job_id: str, owner: str, revision: int | None
) -> tuple[Job, list[Artifact | PastArtifact]]:
    with session_scope(resources.database, is_read_only=True) as session:
        job = get_job(session, job_id, owner=owner)
        present = get_artifacts(session, job_id)
        past = [] if revision is None else list_past_artifacts(session, job_id)
    artifacts: list[Artifact | PastArtifact] = [*present, *past]
    if revision is None:
        return job, artifacts
    artifacts = [artifact for artifact in artifacts if artifact.revision == revision]
    if not artifacts:
        raise NotFoundError(f"job {job_id} has not delivered a revision {revision}")
    return job, artifacts
