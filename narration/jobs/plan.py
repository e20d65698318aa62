"""A job's plan: its chunks and segments stored, and rendering begun."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from narration.jobs.counters import recount
from narration.jobs.record import Chunk, JobPlan, Segment
from narration.jobs.states import UNSPOKEN, ChunkState, JobState, SegmentState
from narration.jobs.step_claim import UNLEASED, StepClaim, require_step
from narration.jobs.transitions import advance_if_rendered


def has_plan(session: Session, job_id: str) -> bool:
    """Tell whether an earlier attempt planned this job."""
    return session.get(JobPlan, job_id) is not None


def store_plan(
    session: Session,
    claim: StepClaim,
    plan: JobPlan,
    chunks: Sequence[dict[str, Any]],
    *,
    title: str | None,
    author: str | None,
    now: datetime,
) -> None:
    """Write the plan, one row per segment and chunk, and move the job to rendering.

    Raises: LeaseLost.
    """
    require_step(session, claim, characters=plan.characters, chunks_total=len(chunks))
    session.add(plan)
    session.flush()
    segments = sorted({chunk["segment"] for chunk in chunks})
    common = {"job_id": plan.job_id, "owner": plan.owner}
    session.execute(
        insert(Segment),
        [{**common, "index": index, "state": SegmentState.PENDING} for index in segments],
    )
    session.execute(
        insert(Chunk),
        [{**common, "state": ChunkState.PENDING, "findings": [], **chunk} for chunk in chunks],
    )
    require_step(session, claim, title=title, author=author)
    start_rendering(session, claim, now=now)


def start_rendering(session: Session, claim: StepClaim, *, now: datetime) -> None:
    """Open every segment that has unfinished chunks, and move the job on.

    Raises: LeaseLost.
    """
    unfinished = (
        select(Chunk.segment)
        .where(Chunk.job_id == claim.job_id, Chunk.state.in_(UNSPOKEN))
        .distinct()
    )
    session.execute(
        update(Segment)
        .where(Segment.job_id == claim.job_id, Segment.index.in_(unfinished))
        .values(state=SegmentState.PENDING, tries=0, losses=0, lease_holder=None, lease_until=None)
    )
    recount(session, claim.job_id)
    require_step(
        session, claim, state=JobState.RENDERING, planned_at=now, updated_at=now, **UNLEASED
    )
    advance_if_rendered(session, claim.job_id, now=now)
