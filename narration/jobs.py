"""What callers do with jobs: create, get, cancel, retry, delete.

Like every query module here: takes a session and the time, never commits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narration.db import UNSYNCHRONIZED
from narration.errors import ConflictError, NotFoundError
from narration.job_settings import JobSettings, QualityPolicy
from narration.lifecycle import ACTIVE, ENDED, RETRYABLE, ChunkState, JobState
from narration.models import Artifact, Attempt, Chunk, Job, JobPlan
from narration.settlement import expiry
from narration.tally import recount


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The document as it was sent: its bytes, or the key they were stored under."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    data: bytes | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the artifacts go: a storage profile and a folder in it."""

    profile: str
    prefix: str = ""


def create(
    session: Session,
    *,
    job_id: str,
    owner: str,
    settings: JobSettings,
    source: Source,
    destination: Destination,
    now: datetime,
    idempotency_key: str | None = None,
    request_sha256: str | None = None,
) -> Job:
    """Insert a queued job; the caller announces it after the commit.

    Raises: ConflictError if the owner has used the idempotency key before.
    """
    assert (source.data is None) != (source.key is None)
    deadline = settings.deadline_s
    job = Job(
        id=job_id,
        owner=owner,
        state=JobState.QUEUED,
        priority=settings.priority,
        settings=settings.model_dump(mode="json"),
        labels=dict(settings.labels),
        title=settings.title,
        author=settings.author,
        source=source.data,
        source_key=source.key,
        source_name=source.name,
        source_media_type=source.media_type,
        source_size_bytes=source.size_bytes,
        source_sha256=source.sha256,
        destination_profile=destination.profile,
        destination_prefix=destination.prefix,
        idempotency_key=idempotency_key,
        request_sha256=request_sha256,
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(seconds=deadline) if deadline else None,
    )
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError as error:
        raise ConflictError(f"idempotency key {idempotency_key!r} was used before") from error
    return job


def get(session: Session, job_id: str, *, owner: str | None = None) -> Job:
    """Return one job; with an owner, only if it is theirs.

    Raises: NotFoundError if there is none.
    """
    # Conditional updates go past the identity map: what it holds may be old.
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or owner not in (None, job.owner):
        raise NotFoundError(f"there is no job {job_id}")
    return job


def source_bytes(session: Session, job_id: str) -> bytes | None:
    """Return the document of a job that lies in its row; other queries leave it there."""
    return session.execute(select(Job.source).where(Job.id == job_id)).scalar_one()


def find_by_idempotency_key(session: Session, owner: str, key: str) -> Job | None:
    """Return the job an earlier request with this key created."""
    return session.scalar(select(Job).where(Job.owner == owner, Job.idempotency_key == key))


def cancel(session: Session, job_id: str, *, owner: str, now: datetime) -> Job:
    """Cancel a job that has not ended; its workers let go at their next chunk.

    An ended job is returned as it is: canceling twice is no error.
    Raises: NotFoundError.
    """
    job = get(session, job_id, owner=owner)
    moved = (
        update(Job)
        .where(Job.id == job_id, Job.state.in_(ACTIVE))
        .values(state=JobState.CANCELED, ended_at=now, updated_at=now, lease_until=None)
        .values(expires_at=expiry(job.settings, now))
    )
    session.execute(moved, execution_options=UNSYNCHRONIZED)
    session.refresh(job)
    return job


def retry(session: Session, job_id: str, *, owner: str, now: datetime) -> Job:
    """Queue a failed or canceled job again as its next attempt; finished chunks are kept.

    Raises: NotFoundError; ConflictError if the job is under way or has succeeded.
    """
    get(session, job_id, owner=owner)
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None or job.state not in RETRYABLE:
        state = job.state if job else "gone"
        raise ConflictError(f"job {job_id} is {state}: only failed and canceled jobs are retried")
    session.add(_ended_attempt(job, now))
    _give_chunks_another_chance(session, job)
    deadline_s = JobSettings.model_validate(job.settings).deadline_s
    job.state = JobState.QUEUED
    job.attempt += 1
    job.fence += 1
    job.tries = 0
    job.error = job.ended_at = job.expires_at = job.lease_until = job.lease_holder = None
    job.announce_at = None
    job.deadline_at = now + timedelta(seconds=deadline_s) if deadline_s else None
    job.updated_at = now
    session.flush()
    recount(session, job_id)
    session.refresh(job)
    return job


def delete(session: Session, job_id: str, *, owner: str | None = None) -> None:
    """Delete an ended job's rows; its objects are the caller's to delete first.

    Raises: NotFoundError; ConflictError if the job has not ended.
    """
    get(session, job_id, owner=owner)
    gone = session.execute(
        sql_delete(Job).where(Job.id == job_id, Job.state.in_(ENDED)).returning(Job.id)
    )
    if gone.first() is None:
        raise ConflictError(f"job {job_id} is under way: cancel it first")


def plan_of(session: Session, job_id: str) -> JobPlan:
    """Return what planning found beside the chunks.

    Raises: NotFoundError if the job has not been planned.
    """
    plan = session.get(JobPlan, job_id)
    if plan is None:
        raise NotFoundError(f"job {job_id} has not been planned")
    return plan


def chunks_of(session: Session, job_id: str) -> list[Chunk]:
    """Return every chunk of a job, in reading order."""
    return list(session.scalars(select(Chunk).where(Chunk.job_id == job_id).order_by(Chunk.index)))


def artifacts(session: Session, job_id: str) -> list[Artifact]:
    """Return what a job delivered, by name."""
    query = select(Artifact).where(Artifact.job_id == job_id).order_by(Artifact.name)
    return list(session.scalars(query))


def attempts(session: Session, job_id: str) -> list[Attempt]:
    """Return the ended attempts at a job, oldest first."""
    query = select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number)
    return list(session.scalars(query))


def _ended_attempt(job: Job, now: datetime) -> Attempt:
    return Attempt(
        job_id=job.id,
        number=job.attempt,
        owner=job.owner,
        state=job.state,
        error=job.error,
        ended_at=job.ended_at or now,
    )


def _give_chunks_another_chance(session: Session, job: Job) -> None:
    quality = JobSettings.model_validate(job.settings).quality
    again = [ChunkState.FAILED, ChunkState.RENDERING]
    if quality.policy is QualityPolicy.STRICT:
        again.append(ChunkState.FLAGGED)
    # Takes are seeded: the ones that were bad would be bad again, so the next attempt goes on
    # counting where this one stopped. A chunk that was not judged starts from the first.
    spent = Chunk.first_take + case((Chunk.take.is_(None), 0), else_=quality.max_takes)
    session.execute(
        update(Chunk)
        .where(Chunk.job_id == job.id, Chunk.state.in_(again))
        .values(state=ChunkState.PENDING, first_take=spent, losses=0, error=None)
        .values(take=None, sha256=None, samples=None, cache_key=None)
    )
