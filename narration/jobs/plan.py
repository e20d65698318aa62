"""Store a job's plan, its chunks and segments, and start rendering."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.errors import LeaseLost
from narration.jobs.advance import advance_if_rendered
from narration.jobs.counters import recount
from narration.jobs.parts import free_parts
from narration.jobs.planned import PlannedChunk, PlannedPart
from narration.jobs.reading_record import JobWarning
from narration.jobs.record import Chunk, Job, JobPlan, Segment
from narration.jobs.segment_transitions import move_segments
from narration.jobs.states import UNSPOKEN, JobState, SegmentState
from narration.jobs.step_claim import StepClaim, require_step
from narration.jobs.transitions import UNLEASED, insert_plan, move_job


def has_plan(session: Session, job_id: str) -> bool:
    """Return whether an earlier attempt planned this job."""
    return session.get(JobPlan, job_id) is not None


def store_plan(
    session: Session,
    claim: StepClaim,
    plan: JobPlan,
    chunks: Sequence[PlannedChunk],
    parts: Sequence[PlannedPart],
    *,
    title: str | None,
    author: str | None,
    warnings: tuple[JobWarning, ...] = (),
    wakeups: int,
    now: datetime,
) -> None:
    """Write the plan, with one row per segment, chunk and part, and move the job to rendering.

    At most `wakeups` messages are sent: as many segments of a job may be rendered at once.

    Raises: LeaseLost.
    """
    require_step(
        session,
        claim,
        characters=plan.characters,
        chunks_total=len(chunks),
        title=title,
        author=author,
        warnings=warnings,
    )
    insert_plan(session, plan, chunks, parts)
    start_rendering(session, claim, wakeups=wakeups, now=now)


def start_rendering(session: Session, claim: StepClaim, *, wakeups: int, now: datetime) -> None:
    """Open every segment with unfinished chunks, move the job to rendering, and wake its workers.

    Raises: LeaseLost.
    """
    opened = open_segments(session, claim.job_id, now=now)
    free_parts(session, claim.job_id)
    recount(session, claim.job_id)
    is_ours = Job.fence == claim.fence
    moved = move_job(
        session, claim.job_id, JobState.RENDERING, is_ours, now=now, planned_at=now, **UNLEASED
    )
    if moved is None:
        raise LeaseLost(f"job {claim.job_id} is no longer ours (fence {claim.fence})")
    for _ in range(min(opened, wakeups)):
        queue_wakeup(session, Task.RENDER)
    advance_if_rendered(session, claim.job_id, now=now)


def open_segments(
    session: Session, job_id: str, *conditions: ColumnElement[bool], now: datetime
) -> int:
    """Open the segments of a job that have unfinished chunks; return how many."""
    # One look into an index per segment. With `IN`, Postgres reads all chunks for each segment, if
    # it has no statistics of the job yet.
    unfinished = (
        select(Chunk.index)
        .where(Chunk.job_id == Segment.job_id, Chunk.segment == Segment.index)
        .where(Chunk.state.in_(UNSPOKEN))
        .limit(1)
        .correlate(Segment)
        .scalar_subquery()
    )
    free = {"tries": 0, "losses": 0, "lease_holder": None, "lease_until": None}
    is_unfinished = unfinished.is_not(None)
    return len(
        move_segments(
            session, job_id, SegmentState.PENDING, is_unfinished, *conditions, now=now, **free
        )
    )
