"""Whose segment is spoken next: the queries behind `segment_claim`.

Claims are frequent, and somebody may wait for one, so their statements are built only once.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from narration.database import UtcDateTime
from narration.jobs.record import Job, Segment
from narration.jobs.states import JobState, SegmentState

NOW: ColumnElement[datetime] = bindparam("now", type_=UtcDateTime())


def losses_once_claimed() -> ColumnElement[int]:
    """Count the losses of a segment, including one that its next claim finds."""
    is_lost = Segment.state == SegmentState.RENDERING
    return Segment.losses + case((is_lost, 1), else_=0)


def holds_a_suspect(session: Session, holder: str, patience: int, now: datetime) -> bool:
    """Return whether a worker holds a segment that was lost at least `patience` times."""
    values = {"holder": holder, "patience": patience, "now": now}
    return bool(session.execute(_suspects(), values).scalar_one())


@cache  # building a statement takes longer than executing it
def _suspects() -> Select[Any]:
    suspects = select(Segment.index).where(
        Segment.lease_holder == bindparam("holder"),
        Segment.state == SegmentState.RENDERING,
        Segment.losses >= bindparam("patience"),
        Segment.lease_until > NOW,
    )
    return select(suspects.exists())


def record_served(session: Session, job_id: str, *, now: datetime) -> None:
    """Note when a job had its turn, unless its row is locked.

    A claim must not wait: other claims of the worker wait for it, and whoever finishes many chunks
    of the job holds the row for longer than the note is worth.
    """
    session.connection().execute(_served_update(), {"job": job_id, "now": now})


@cache
def _served_update() -> Update:
    free = select(Job.id).where(Job.id == bindparam("job")).with_for_update(skip_locked=True)
    return update(Job).where(Job.id == free.scalar_subquery()).values(served_at=NOW)


def jobs_in_turn(
    session: Session, now: datetime, patience: int | None, window_segments: int, least: int
) -> Iterator[str]:
    """Yield jobs with a claimable segment; with `patience`, only segments with fewer losses."""
    values = {"now": now, "window": window_segments, "least": least, "patience": patience}
    return iter(session.scalars(_turns(has_patience=patience is not None), values).all())


@cache
def _turns(*, has_patience: bool) -> Select[Any]:
    is_open = is_claimable(NOW)
    if has_patience:
        is_open = and_(is_open, losses_once_claimed() < bindparam("patience"))
    claimable = func.sum(case((is_open, 1), else_=0))
    in_work = func.sum(
        case((and_(Segment.state == SegmentState.RENDERING, Segment.lease_until > NOW), 1), else_=0)
    )
    return (
        select(Segment.job_id)
        .join(Job, Job.id == Segment.job_id)
        .where(Job.state == JobState.RENDERING, Job.priority >= bindparam("least"))
        .where(Segment.state.in_((SegmentState.PENDING, SegmentState.RENDERING)))
        .group_by(Segment.job_id, Job.priority, Job.served_at, Job.created_at)
        .having(claimable > 0, in_work < bindparam("window"))
        .order_by(Job.priority.desc(), in_work, Job.served_at.asc().nulls_first(), Job.created_at)
    )


def is_claimable(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Condition: the segment is unfinished, and nobody holds it."""
    is_unfinished = Segment.state.in_((SegmentState.PENDING, SegmentState.RENDERING))
    return and_(is_unfinished, or_(Segment.lease_until.is_(None), Segment.lease_until <= now))
