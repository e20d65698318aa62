"""How a job moves on, ends, is canceled and is tried again."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import (
    ConflictError,
    QualityError,
    RhapsodeError,
    SpeechError,
    TransientError,
)
from narration.jobs.counters import recount
from narration.jobs.lookup import get_job
from narration.jobs.record import Attempt, Chunk, Job, Segment
from narration.jobs.request import JobSettings, QualityPolicy
from narration.jobs.states import ACTIVE, RETRYABLE, ChunkState, JobState, SegmentState

SHOWN = 10  # chunk numbers named in one message


def advance_if_rendered(session: Session, job_id: str, *, now: datetime) -> bool:
    """Move a job on if its last segment has ended: to assembling, or to its failure.

    The caller holds the job row. Returns True if the job moved.
    """
    open_segments = select(Segment.index).where(
        Segment.job_id == job_id,
        Segment.state.in_((SegmentState.PENDING, SegmentState.RENDERING)),
    )
    if session.execute(select(open_segments.exists())).scalar_one():
        return False
    recount(session, job_id)
    error = _quality_error(session, job_id)
    if error is not None:
        return fail_job(session, job_id, error, now=now)
    moved = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.RENDERING)
        .values(state=JobState.ASSEMBLING, rendered_at=now, updated_at=now, tries=0)
        .values(lease_holder=None, lease_until=None, announce_at=None)
        .returning(Job.id)
    )
    return moved.first() is not None


def fail_job(session: Session, job_id: str, error: Exception, *, now: datetime) -> bool:
    """End a job with an error, whoever works on it; False if it had ended already."""
    settings = session.execute(select(Job.settings).where(Job.id == job_id)).scalar_one()
    failed = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(ACTIVE))
        .values(state=JobState.FAILED, error=describe_error(error), ended_at=now, updated_at=now)
        .values(lease_holder=None, lease_until=None, expires_at=expiry_of(settings, now))
        .returning(Job.id),
        execution_options=UNSYNCHRONIZED,
    )
    return failed.first() is not None


def cancel_job(session: Session, job_id: str, *, owner: str, now: datetime) -> Job:
    """Cancel a job that has not ended; its workers let go at their next chunk.

    An ended job is returned as it is: canceling twice is no error.
    Raises: NotFoundError.
    """
    job = get_job(session, job_id, owner=owner)
    moved = (
        update(Job)
        .where(Job.id == job_id, Job.state.in_(ACTIVE))
        .values(state=JobState.CANCELED, ended_at=now, updated_at=now, lease_until=None)
        .values(expires_at=expiry_of(job.settings, now))
    )
    session.execute(moved, execution_options=UNSYNCHRONIZED)
    session.refresh(job)
    return job


def retry_job(session: Session, job_id: str, *, owner: str, now: datetime) -> Job:
    """Queue a failed or canceled job again as its next attempt; finished chunks are kept.

    Raises: NotFoundError; ConflictError if the job is under way or has succeeded.
    """
    get_job(session, job_id, owner=owner)
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None or job.state not in RETRYABLE:
        state = job.state if job else "gone"
        raise ConflictError(f"job {job_id} is {state}: only failed and canceled jobs are retried")
    session.add(_ended_attempt(job, now))
    _reset_chunks(session, job)
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


def describe_error(error: Exception) -> dict[str, Any]:
    """Return an error as a job row keeps it; of a bug only the name, its text is for the logs."""
    if isinstance(error, RhapsodeError):
        is_retryable = isinstance(error, TransientError | SpeechError)
        return {"code": error.code, "message": str(error), "is_retryable": is_retryable}
    message = f"{type(error).__name__}: see the logs of the worker"
    return {"code": RhapsodeError.code, "message": message, "is_retryable": True}


def expiry_of(settings: dict[str, Any], now: datetime) -> datetime | None:
    """Return when a job that ends now may be purged."""
    retention_s = settings.get("retention_s")
    return now + timedelta(seconds=retention_s) if retention_s else None


def _quality_error(session: Session, job_id: str) -> RhapsodeError | None:
    failed = _numbers(session, job_id, ChunkState.FAILED)
    if failed:
        return SpeechError(
            f"{_listed(failed)} could not be spoken: see /chunks, then retry the job"
        )
    settings = session.execute(select(Job.settings).where(Job.id == job_id)).scalar_one()
    if JobSettings.model_validate(settings).quality.policy is not QualityPolicy.STRICT:
        return None
    flagged = _numbers(session, job_id, ChunkState.FLAGGED)
    if not flagged:
        return None
    return QualityError(f"{_listed(flagged)} did not pass the checks: retry, or use policy flag")


def _numbers(session: Session, job_id: str, state: ChunkState) -> list[int]:
    query = select(Chunk.index).where(Chunk.job_id == job_id, Chunk.state == state)
    return list(session.scalars(query.order_by(Chunk.index)))


def _listed(numbers: Iterable[int]) -> str:
    numbers = list(numbers)
    shown = ", ".join(str(number) for number in numbers[:SHOWN])
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"chunk {shown}{more}" if len(numbers) == 1 else f"chunks {shown}{more}"


def _ended_attempt(job: Job, now: datetime) -> Attempt:
    return Attempt(
        job_id=job.id,
        number=job.attempt,
        owner=job.owner,
        state=job.state,
        error=job.error,
        ended_at=job.ended_at or now,
    )


def _reset_chunks(session: Session, job: Job) -> None:
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
