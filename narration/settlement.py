"""How a job ends, and what decides it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from narration.db import UNSYNCHRONIZED
from narration.errors import QualityError, RhapsodeError, SpeechError, TransientError
from narration.job_settings import JobSettings, QualityPolicy
from narration.lifecycle import ACTIVE, ChunkState, JobState, SegmentState
from narration.models import Chunk, Job, Segment
from narration.tally import recount

SHOWN = 10  # chunk numbers named in one message


def settle(session: Session, job_id: str, *, now: datetime) -> bool:
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
    error = _objection(session, job_id)
    if error is not None:
        return fail(session, job_id, error, now=now)
    moved = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.RENDERING)
        .values(state=JobState.ASSEMBLING, rendered_at=now, updated_at=now, tries=0)
        .values(lease_holder=None, lease_until=None, announce_at=None)
        .returning(Job.id)
    )
    return moved.first() is not None


def fail(session: Session, job_id: str, error: Exception, *, now: datetime) -> bool:
    """End a job with an error, whoever works on it; False if it had ended already."""
    settings = session.execute(select(Job.settings).where(Job.id == job_id)).scalar_one()
    failed = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(ACTIVE))
        .values(state=JobState.FAILED, error=describe(error), ended_at=now, updated_at=now)
        .values(lease_holder=None, lease_until=None, expires_at=expiry(settings, now))
        .returning(Job.id),
        execution_options=UNSYNCHRONIZED,
    )
    return failed.first() is not None


def describe(error: Exception) -> dict[str, Any]:
    """Return an error as a job row keeps it; of a bug only the name, its text is for the logs."""
    if isinstance(error, RhapsodeError):
        is_retryable = isinstance(error, TransientError | SpeechError)
        return {"code": error.code, "message": str(error), "is_retryable": is_retryable}
    message = f"{type(error).__name__}: see the logs of the worker"
    return {"code": RhapsodeError.code, "message": message, "is_retryable": True}


def expiry(settings: dict[str, Any], now: datetime) -> datetime | None:
    """Return when a job that ends now may be purged."""
    retention_s = settings.get("retention_s")
    return now + timedelta(seconds=retention_s) if retention_s else None


def _objection(session: Session, job_id: str) -> RhapsodeError | None:
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
