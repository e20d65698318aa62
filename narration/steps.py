"""Planning and assembling a job: claim the step, keep it, end it.

A step belongs to whoever holds the job's lease, and the fencing number tells holders apart: every
UPDATE here names it, so a worker that was overtaken changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from narration.db import UNSYNCHRONIZED
from narration.errors import LeaseLost
from narration.lifecycle import ACTIVE, SPOKEN, UNSPOKEN, ChunkState, JobState, SegmentState
from narration.models import Artifact, Chunk, ChunkAudio, Job, JobPlan, Segment
from narration.settlement import describe, expiry, settle
from narration.tally import recount


@dataclass(frozen=True, slots=True, kw_only=True)
class StepClaim:
    """The right to plan or assemble one job, until somebody with a higher fence has it."""

    job_id: str
    fence: int
    tries: int  # including this one


def claim_step(
    session: Session, job_id: str, step: JobState, *, holder: str, until: datetime, now: datetime
) -> StepClaim | None:
    """Take a job's planning or assembling, or return None: done, taken, or not wanted any more."""
    ready = {step, JobState.QUEUED} if step is JobState.PLANNING else {step}
    claimed = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(ready))
        .where(or_(Job.lease_until.is_(None), Job.lease_until <= now))
        .values(state=step, fence=Job.fence + 1, tries=Job.tries + 1, updated_at=now)
        .values(lease_holder=holder, lease_until=until)
        .returning(Job.fence, Job.tries)
    ).one_or_none()
    return claimed and StepClaim(job_id=job_id, fence=claimed.fence, tries=claimed.tries)


def renew_step(session: Session, claim: StepClaim, *, until: datetime) -> bool:
    """Keep the step a while longer; False if it is lost."""
    return _update(session, claim, lease_until=until)


def hand_back_step(session: Session, claim: StepClaim, *, not_before: datetime) -> bool:
    """Let go of the step; nobody takes it before the given moment."""
    return _update(session, claim, lease_holder=None, lease_until=not_before)


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
    _require(session, claim, characters=plan.characters, chunks_total=len(chunks))
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
    _require(session, claim, title=title, author=author)
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
    _require(session, claim, state=JobState.RENDERING, planned_at=now, updated_at=now, **_FREE)
    settle(session, claim.job_id, now=now)


def reopen(session: Session, claim: StepClaim, lost: Iterable[int], *, now: datetime) -> None:
    """Send a job whose stored chunk audio is missing or damaged back to rendering.

    Raises: LeaseLost.
    """
    chunks = (Chunk.job_id == claim.job_id, Chunk.index.in_(list(lost)))
    sounds = list(session.scalars(select(Chunk.sha256).where(*chunks)))
    session.execute(delete(ChunkAudio).where(ChunkAudio.sha256.in_(sounds)))
    session.execute(
        update(Chunk)
        .where(*chunks)
        .values(state=ChunkState.PENDING, sha256=None, samples=None, take=None, is_cached=False)
    )
    start_rendering(session, claim, now=now)


def finish(
    session: Session, claim: StepClaim, artifacts: Sequence[Artifact], *, now: datetime
) -> None:
    """Move a job to succeeded; impossible while one chunk is not spoken.

    Raises: LeaseLost.
    """
    holes = select(Chunk.index).where(
        Chunk.job_id == claim.job_id, Chunk.state.not_in(SPOKEN) | Chunk.sha256.is_(None)
    )
    settings = session.execute(select(Job.settings).where(Job.id == claim.job_id)).scalar_one()
    _require(
        session,
        claim,
        ~holes.exists(),
        Job.state == JobState.ASSEMBLING,
        state=JobState.SUCCEEDED,
        ended_at=now,
        updated_at=now,
        expires_at=expiry(settings, now),
        **_FREE,
    )
    session.add_all(artifacts)


def fail_step(session: Session, claim: StepClaim, error: Exception, *, now: datetime) -> bool:
    """End the job with an error; False if the step was lost meanwhile."""
    settings = session.execute(select(Job.settings).where(Job.id == claim.job_id)).scalar_one()
    return _update(
        session,
        claim,
        state=JobState.FAILED,
        error=describe(error),
        ended_at=now,
        updated_at=now,
        expires_at=expiry(settings, now),
        **_FREE,
    )


_FREE: dict[str, Any] = {"lease_holder": None, "lease_until": None, "announce_at": None, "tries": 0}


def _update(
    session: Session, claim: StepClaim, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    updated = session.execute(
        update(Job)
        .where(Job.id == claim.job_id, Job.fence == claim.fence, Job.state.in_(ACTIVE))
        .where(*conditions)
        .values(**values)
        .returning(Job.id),
        execution_options=UNSYNCHRONIZED,
    )
    return updated.first() is not None


def _require(
    session: Session, claim: StepClaim, *conditions: ColumnElement[bool], **values: Any
) -> None:
    if not _update(session, claim, *conditions, **values):
        raise LeaseLost(f"job {claim.job_id} is no longer ours (fence {claim.fence})")
