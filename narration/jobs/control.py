"""Cancel and retry existing jobs."""

from datetime import datetime

from sqlalchemy import case
from sqlalchemy.orm import Session

from narration.errors import ConflictError
from narration.jobs.counters import recount
from narration.jobs.history import Attempt
from narration.jobs.lookup import get_job, lock_job, require_voice
from narration.jobs.record import Chunk, Job
from narration.jobs.request import QualityPolicy, QualitySettings
from narration.jobs.states import RETRYABLE, ChunkState, JobState
from narration.jobs.stored import deadline_of, expiry_of, read_settings
from narration.jobs.transitions import UNLEASED, move_job, reset_chunks


def cancel_job(session: Session, job_id: str, *, owner: str, now: datetime) -> Job:
    """Cancel a job that has not ended; its workers stop at their next chunk.

    An ended job is returned unchanged: canceling twice is not an error.
    Raises: NotFoundError.
    """
    job = get_job(session, job_id, owner=owner)
    expires_at = expiry_of(job.settings, now)
    move_job(
        session,
        job_id,
        JobState.CANCELED,
        now=now,
        ended_at=now,
        expires_at=expires_at,
        **UNLEASED,
    )
    return get_job(session, job_id, owner=owner)  # it may have been deleted in the meantime


def retry_job(session: Session, job_id: str, *, owner: str, now: datetime) -> Job:
    """Queue a failed or canceled job again as its next attempt, keeping finished chunks.

    Raises: NotFoundError; ConflictError if the job is under way or has succeeded.
    """
    job = lock_job(session, job_id, owner=owner)
    if job.state not in RETRYABLE:
        raise ConflictError(
            f"job {job_id} is {job.state}: only failed and canceled jobs are retried"
        )
    require_voice(session, job)
    session.add(_ended_attempt(job, now))
    session.flush()
    settings = read_settings(job.settings)
    _reset_unfinished(session, job_id, settings.quality, now=now)
    move_job(
        session,
        job_id,
        JobState.QUEUED,
        now=now,
        payload={"attempt": job.attempt + 1},
        attempt=Job.attempt + 1,
        fence=Job.fence + 1,
        error=None,
        ended_at=None,
        expires_at=None,
        deadline_at=deadline_of(settings, now),
        **UNLEASED,
    )
    recount(session, job_id)
    session.refresh(job)
    return job


def _ended_attempt(job: Job, now: datetime) -> Attempt:
    return Attempt(
        job_id=job.id,
        number=job.attempt,
        owner=job.owner,
        state=job.state,
        error=job.error,
        ended_at=job.ended_at or now,
    )


def _reset_unfinished(
    session: Session, job_id: str, quality: QualitySettings, *, now: datetime
) -> None:
    again = [ChunkState.FAILED, ChunkState.RENDERING]
    if quality.policy is QualityPolicy.STRICT:
        again.append(ChunkState.FLAGGED)
    # Takes are seeded, so the takes that failed would fail again: the next attempt continues
    # counting where this one stopped. A chunk whose takes were never checked starts at its first
    # take.
    spent = Chunk.first_take + case((Chunk.take.is_(None), 0), else_=quality.max_takes)
    reset_chunks(session, job_id, Chunk.state.in_(again), now=now, first_take=spent)
