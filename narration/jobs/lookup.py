"""Look up one job and what belongs to it.

Like every query module here: takes a session, never commits.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from narration.errors import ConflictError, NotFoundError
from narration.ids import is_id
from narration.jobs.history import Attempt, PastArtifact
from narration.jobs.reading_record import ReadingRecord
from narration.jobs.record import Artifact, Chunk, Job, JobPlan
from narration.jobs.work import narrator_of
from narration.voices.record import Voice, VoiceState


def get_job(session: Session, job_id: str, *, owner: str | None = None) -> Job:
    """Return one job; with an owner, only if it is theirs.

    Raises: NotFoundError if there is none.
    """
    # Conditional updates bypass the identity map, so its copy may be stale.
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or owner not in (None, job.owner):
        raise NotFoundError(f"there is no job {job_id}")
    return job


def lock_job(session: Session, job_id: str, *, owner: str | None = None) -> Job:
    """Return one job as it is now, locked until the transaction ends.

    Raises: NotFoundError if there is none.
    """
    job = session.get(Job, job_id, populate_existing=True, with_for_update=True)
    if job is None or owner not in (None, job.owner):
        raise NotFoundError(f"there is no job {job_id}")
    return job


def get_source(session: Session, job_id: str) -> bytes | None:
    """Return the document stored in a job's row; other queries do not load it."""
    return session.execute(select(Job.source).where(Job.id == job_id)).scalar_one()


def find_by_idempotency_key(session: Session, owner: str, key: str) -> Job | None:
    """Return the job that an earlier request with this key created."""
    return session.scalar(select(Job).where(Job.owner == owner, Job.idempotency_key == key))


def get_plan(session: Session, job_id: str) -> JobPlan:
    """Return a job's plan without its chunks.

    Raises: NotFoundError if the job has not been planned.
    """
    plan = session.get(JobPlan, job_id)
    if plan is None:
        raise NotFoundError(f"job {job_id} has not been planned")
    return plan


def find_narrator(session: Session, job: Job) -> str | None:
    """Return the name of the voice that reads a job; None for the default voice."""
    if job.voice is not None and is_id("voice", job.voice):
        voice = session.get(Voice, job.voice)
        return None if voice is None else voice.name
    return narrator_of(job.settings["voice"])


def require_voice(session: Session, job: Job) -> None:
    """Check that the voice of a job is still available.

    Raises: ConflictError.
    """
    if job.voice is not None and is_id("voice", job.voice):
        voice = session.get(Voice, job.voice)
        if voice is None or voice.state is VoiceState.DELETED:
            raise ConflictError(f"the voice of job {job.id} was deleted: submit it with another")


def find_reading(session: Session, job_id: str) -> ReadingRecord | None:
    """Return a job's reading report; None if it is not planned, or was before reports existed."""
    return session.scalar(select(JobPlan.reading).where(JobPlan.job_id == job_id))


def get_chunks(session: Session, job_id: str, numbers: range | None = None) -> list[Chunk]:
    """Return all chunks of a job, or those with the given numbers, in reading order."""
    query = select(Chunk).where(Chunk.job_id == job_id).order_by(Chunk.index)
    if numbers is not None:
        query = query.where(Chunk.index >= numbers.start, Chunk.index < numbers.stop)
    return list(session.scalars(query))


def get_artifacts(session: Session, job_id: str) -> list[Artifact]:
    """Return what a job delivered, by name."""
    query = select(Artifact).where(Artifact.job_id == job_id).order_by(Artifact.name)
    return list(session.scalars(query))


def list_past_artifacts(session: Session, job_id: str) -> list[PastArtifact]:
    """Return the files of a job's earlier deliveries, in order."""
    query = select(PastArtifact).where(PastArtifact.job_id == job_id)
    return list(session.scalars(query.order_by(PastArtifact.revision, PastArtifact.name)))


def list_delivered_keys(session: Session, job_id: str) -> list[str]:
    """Return the keys of the files of all deliveries of a job."""
    present = [artifact.key for artifact in get_artifacts(session, job_id)]
    return present + [artifact.key for artifact in list_past_artifacts(session, job_id)]


def list_revising(session: Session, job_id: str, *, owner: str) -> list[str]:
    """Return the jobs that revise the text of a job, oldest first."""
    query = select(Job.id).where(Job.revision_of == job_id, Job.owner == owner)
    return list(session.scalars(query.order_by(Job.id)))


def get_chunk(session: Session, job_id: str, index: int) -> Chunk:
    """Return one chunk of a job as it is now.

    Raises: NotFoundError.
    """
    chunk = session.get(Chunk, (job_id, index), populate_existing=True)
    if chunk is None:
        raise NotFoundError(f"job {job_id} has no chunk {index}: see its /chunks")
    return chunk


def get_attempts(session: Session, job_id: str) -> list[Attempt]:
    """Return the ended attempts at a job, oldest first."""
    query = select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number)
    return list(session.scalars(query))
