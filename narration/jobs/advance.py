"""How a job advances once its last segment has ended, and how it fails."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from narration.errors import QualityError, RhapsodeError, SpeechError
from narration.jobs.counters import recount
from narration.jobs.job_error import describe_error
from narration.jobs.record import Chunk, Job, Segment
from narration.jobs.request import QualityPolicy
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.jobs.stored import expiry_of, read_settings
from narration.jobs.transitions import UNLEASED, move_job

SHOWN = 10  # chunk numbers listed in an error message


def advance_if_rendered(session: Session, job_id: str, *, now: datetime) -> bool:
    """Advance a job whose last segment has ended: to assembling, or to failed.

    The caller must hold the lock on the job row. Returns True if the job moved.
    """
    open_segments = select(Segment.index).where(
        Segment.job_id == job_id,
        Segment.state.in_((SegmentState.PENDING, SegmentState.RENDERING)),
    )
    if session.execute(select(open_segments.exists())).scalar_one():
        return False
    recount(session, job_id)
    error = find_quality_error(session, job_id)
    if error is not None:
        return fail_job(session, job_id, error, now=now)
    moved = move_job(session, job_id, JobState.ASSEMBLING, now=now, rendered_at=now, **UNLEASED)
    return moved is not None


def fail_job(
    session: Session,
    job_id: str,
    error: Exception,
    *conditions: ColumnElement[bool],
    now: datetime,
) -> bool:
    """Fail a job with an error; return False if it had ended or a condition does not hold."""
    settings = session.execute(select(Job.settings).where(Job.id == job_id)).scalar_one_or_none()
    if settings is None:
        return False
    description = describe_error(error)
    failed = move_job(
        session,
        job_id,
        JobState.FAILED,
        *conditions,
        now=now,
        payload={"error": asdict(description)},
        error=description,
        ended_at=now,
        expires_at=expiry_of(settings, now),
        **UNLEASED,
    )
    return failed is not None


def find_quality_error(session: Session, job_id: str) -> RhapsodeError | None:
    """Return why a job whose chunks are all spoken cannot be delivered."""
    failed = _numbers(session, job_id, ChunkState.FAILED)
    if failed:
        return SpeechError(
            f"{_listed(failed)} could not be spoken: see /chunks, then retry the job"
        )
    settings = session.execute(select(Job.settings).where(Job.id == job_id)).scalar_one()
    if read_settings(settings).quality.policy is not QualityPolicy.STRICT:
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
