"""Render a job segment by segment: claim, checkpoint every chunk, hand back, finish.

The claim is the scheduler: the highest priority first, then the job with the fewest claimed
segments, then the one that has waited longest; and at most a window of segments per job. So one
book uses every GPU, and a short article does not wait until the book is finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.database import UNSYNCHRONIZED, UtcDateTime
from narration.errors import LeaseLost
from narration.jobs.advance import advance_if_rendered
from narration.jobs.counters import recount
from narration.jobs.record import Chunk, Job, Segment
from narration.jobs.segment_transitions import move_segments, update_segments
from narration.jobs.states import UNSPOKEN, ChunkState, JobState, SegmentState
from narration.jobs.transitions import end_chunks, move_chunks
from narration.jobs.turns import (
    NOW,
    holds_a_suspect,
    is_claimable,
    jobs_in_turn,
    losses_once_claimed,
    record_served,
)

POISON = "{losses} workers were lost while speaking it"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentClaim:
    """The right to render one segment, until another worker claims it with a higher fence."""

    job_id: str
    index: int
    owner: str
    fence: int
    tries: int  # claims since the last finished chunk, including this one
    losses: int  # workers that were lost with this segment
    is_suspect: bool  # lost too often: speak its chunks one by one, so that the faulty one shows


def claim_segment(
    session: Session,
    *,
    holder: str,
    until: datetime,
    now: datetime,
    window_segments: int,
    poison_losses: int,
    least_priority: int = 0,
) -> SegmentClaim | None:
    """Claim the next segment by priority and fairness; None if there is none of that priority."""
    # Workers are lost for many reasons, with hundreds of chunks in flight: the first lost segments
    # are spoken again at full speed. Half of the allowed losses are reserved for speaking one by
    # one, since another segment may take the worker down meanwhile.
    patience = max(1, (poison_losses - 1) // 2)
    # One chunk at a time: if this worker is lost again, only one chunk can be the cause.
    most_losses = patience if holds_a_suspect(session, holder, patience, now) else None
    for job_id in jobs_in_turn(session, now, most_losses, window_segments, least_priority):
        claim = _claim_of(
            session, job_id, most_losses, patience, holder=holder, until=until, now=now
        )
        if claim is not None:
            _count_losses(session, claim, poison_losses, now=now)
            record_served(session, job_id, now=now)
            return claim
    return None


def pending_chunks(session: Session, claim: SegmentClaim) -> list[Chunk]:
    """Return the chunks of a segment that are not spoken yet, in order."""
    query = _chunks_of(claim).where(Chunk.state.in_(UNSPOKEN)).order_by(Chunk.index)
    return list(session.scalars(query))


def start_chunks(session: Session, claim: SegmentClaim, indexes: Sequence[int]) -> None:
    """Mark chunks as in flight: if this worker is lost, they are the suspects."""
    _move_in_flight(session, claim, ChunkState.RENDERING, Chunk.index.in_(indexes))


def renew_segment(session: Session, claim: SegmentClaim, *, until: datetime) -> bool:
    """Renew the lease on the segment; False if it is lost or its job is no longer rendering."""
    rendering = select(Job.id).where(Job.id == claim.job_id, Job.state == JobState.RENDERING)
    return _update(session, claim, rendering.exists(), lease_until=until)


def hand_back_segment(
    session: Session, claim: SegmentClaim, *, not_before: datetime, tries: int | None = None
) -> bool:
    """Release the segment without counting a loss; nobody claims it before the given moment.

    `tries` sets the number of tries so far, if this one should not count.
    """
    tries_column = {} if tries is None else {"tries": tries}
    released: dict[str, Any] = {"lease_holder": None, "lease_until": not_before, **tries_column}
    if not _move(session, claim, SegmentState.PENDING, now=not_before, **released):
        return False
    in_flight = Chunk.state == ChunkState.RENDERING
    _move_in_flight(session, claim, ChunkState.PENDING, in_flight)
    return True


def finish_segment(session: Session, claim: SegmentClaim, *, now: datetime) -> bool:
    """Finish a segment; True if that advanced the job. With a reset chunk it opens again instead.

    Raises: LeaseLost.
    """
    # Lock the job row first: when two segments end at once, the second must see the first.
    session.execute(select(Job.id).where(Job.id == claim.job_id).with_for_update())
    failed = _chunks_of(claim).where(Chunk.state == ChunkState.FAILED).exists()
    unfinished = _chunks_of(claim).where(Chunk.state.in_(UNSPOKEN)).exists()
    has_failed, has_left = session.execute(select(failed, unfinished)).one()
    end = SegmentState.FAILED if has_failed else SegmentState.DONE
    end = SegmentState.PENDING if has_left else end
    if not _move(session, claim, end, now=now, lease_holder=None, lease_until=None):
        raise LeaseLost(f"segment {claim.index} of job {claim.job_id} is no longer ours")
    if has_left:
        queue_wakeup(session, Task.RENDER)
    return advance_if_rendered(session, claim.job_id, now=now)


def count_claimable(session: Session, *, now: datetime) -> int:
    """Return how many segments wait for a worker."""
    query = select(func.count()).select_from(Segment).join(Job, Job.id == Segment.job_id)
    query = query.where(Job.state == JobState.RENDERING, is_claimable(now))
    return session.execute(query).scalar_one()


def count_in_work(session: Session, *, now: datetime) -> int:
    """Return how many segments live workers hold."""
    query = select(func.count()).where(
        Segment.state == SegmentState.RENDERING, Segment.lease_until > now
    )
    return session.execute(query).scalar_one()


def _claim_of(
    session: Session,
    job_id: str,
    most_losses: int | None,
    patience: int,
    *,
    holder: str,
    until: datetime,
    now: datetime,
) -> SegmentClaim | None:
    values: dict[str, Any] = {"job": job_id, "holder": holder, "until": until, "now": now}
    if most_losses is not None:
        values["most"] = most_losses
    statement = _claim_update(has_most=most_losses is not None)
    claimed = session.connection().execute(statement, values).one_or_none()
    if claimed is None:
        return None
    index, owner, fence, tries, losses = claimed
    return SegmentClaim(
        job_id=job_id,
        index=index,
        owner=owner,
        fence=fence,
        tries=tries,
        losses=losses,
        is_suspect=losses >= patience,
    )


@cache  # building it takes longer than executing it, and somebody may wait for the claim
def _claim_update(*, has_most: bool) -> ReturningUpdate[int, str, int, int, int]:
    """Claim the first open segment of a job; with `most`, of those that were lost less often."""
    is_ours = and_(Segment.job_id == bindparam("job"), is_claimable(NOW))
    if has_most:
        is_ours = and_(is_ours, losses_once_claimed() < bindparam("most"))
    first = (
        select(Segment.index)
        .where(is_ours)
        .order_by(Segment.index)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return update_segments(
        SegmentState.RENDERING,
        is_ours,
        Segment.index == first,
        fence=Segment.fence + 1,
        tries=Segment.tries + 1,
        losses=losses_once_claimed(),
        lease_holder=bindparam("holder"),
        lease_until=bindparam("until", type_=UtcDateTime()),
    )


def _count_losses(
    session: Session, claim: SegmentClaim, poison_losses: int, *, now: datetime
) -> None:
    if not claim.losses:
        return
    # Left over from a worker that never handed them back
    in_flight = Chunk.state == ChunkState.RENDERING
    _move_in_flight(session, claim, ChunkState.PENDING, in_flight, losses=Chunk.losses + 1)
    message = POISON.format(losses=poison_losses)
    end_chunks(
        session,
        claim.job_id,
        ChunkState.FAILED,
        Chunk.segment == claim.index,
        Chunk.losses >= poison_losses,
        now=now,
        payload={"error": message},
        error=message,
    )
    recount(session, claim.job_id)


def _chunks_of(claim: SegmentClaim) -> Select[Chunk]:
    return select(Chunk).where(Chunk.job_id == claim.job_id, Chunk.segment == claim.index)


def _move_in_flight(
    session: Session,
    claim: SegmentClaim,
    target: ChunkState,
    condition: ColumnElement[bool],
    **values: Any,
) -> None:
    is_ours = select(Segment.index).where(
        Segment.job_id == claim.job_id,
        Segment.index == claim.index,
        Segment.fence == claim.fence,
    )
    conditions = (
        Chunk.segment == claim.index,
        Chunk.state.in_(UNSPOKEN),
        condition,
        is_ours.exists(),
    )
    move_chunks(session, claim.job_id, target, *conditions, **values)


def _move(
    session: Session,
    claim: SegmentClaim,
    target: SegmentState,
    *conditions: ColumnElement[bool],
    now: datetime,
    **values: Any,
) -> bool:
    is_ours = (
        Segment.index == claim.index,
        Segment.fence == claim.fence,
        Segment.state == SegmentState.RENDERING,
    )
    return bool(
        move_segments(session, claim.job_id, target, *is_ours, *conditions, now=now, **values)
    )


def _update(
    session: Session, claim: SegmentClaim, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    updated = session.execute(
        update(Segment)
        .where(Segment.job_id == claim.job_id, Segment.index == claim.index)
        .where(Segment.fence == claim.fence, Segment.state == SegmentState.RENDERING)
        .where(*conditions)
        .values(**values)
        .returning(Segment.index),
        execution_options=UNSYNCHRONIZED,
    )
    return updated.first() is not None
