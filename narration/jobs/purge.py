"""What is deleted: jobs with their objects, and chunk audio that nothing uses."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from narration.errors import ConflictError
from narration.jobs.lookup import get_job
from narration.jobs.record import Chunk, ChunkAudio, Job
from narration.jobs.states import ENDED
from narration.jobs.transitions import delete_job_row
from narration.storage.keys import job_folder
from narration.storage.profiles import Stores

BATCH = 500  # rows of one transaction


def purge_objects(stores: Stores, job: Job) -> None:
    """Delete everything a job delivered and its stored source; its chunk audio is shared.

    Raises: StorageUnavailable; OutputError if the destination is not reachable any more.
    """
    folder = job_folder(job.destination_prefix, job.id)
    stores.profile(job.destination_profile).delete_prefix(folder)
    if job.source_key is not None:
        stores.work.delete(job.source_key)


def delete_job(session: Session, job_id: str, *, owner: str | None = None, now: datetime) -> None:
    """Delete an ended job's rows; its objects are the caller's to delete first.

    Raises: NotFoundError; ConflictError if the job has not ended.
    """
    get_job(session, job_id, owner=owner)
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None or job.state not in ENDED:
        raise ConflictError(f"job {job_id} is under way: cancel it first")
    delete_job_row(session, job, now=now)


def find_expired(session: Session, *, now: datetime) -> list[Job]:
    """Return ended jobs whose retention is over."""
    query = select(Job).where(Job.state.in_(ENDED), Job.expires_at <= now).limit(BATCH)
    return list(session.scalars(query))


def forget_unused_audio(session: Session, *, before: datetime) -> list[str]:
    """Drop cache rows not used since `before`; return the sounds nothing names any more.

    A sound that any job's chunk names is kept, even without its cache row.
    """
    old = select(ChunkAudio.sha256).where(ChunkAudio.used_at < before).distinct().limit(BATCH)
    sounds = list(session.scalars(old))
    session.execute(
        delete(ChunkAudio).where(ChunkAudio.sha256.in_(sounds), ChunkAudio.used_at < before)
    )
    cached = select(ChunkAudio.sha256).where(ChunkAudio.sha256.in_(sounds))
    in_chunks = select(Chunk.sha256).where(Chunk.sha256.in_(sounds))
    used = {*session.scalars(cached), *session.scalars(in_chunks)}
    return [sha256 for sha256 in sounds if sha256 not in used]
