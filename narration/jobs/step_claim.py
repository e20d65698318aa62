"""Plan and assemble a job: claim the step, renew it, release it.

A step belongs to the holder of the job's lease, and the fencing number tells holders apart: every
UPDATE here checks it, so a worker that was overtaken changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import LeaseLost
from narration.jobs.advance import fail_job
from narration.jobs.record import Job
from narration.jobs.states import ACTIVE, JobState
from narration.jobs.transitions import move_job


@dataclass(frozen=True, slots=True, kw_only=True)
class StepClaim:
    """The right to plan or assemble one job, until another worker claims it with a higher fence."""

    job_id: str
    fence: int
    tries: int  # including this one


def claim_step(
    session: Session, job_id: str, step: JobState, *, holder: str, until: datetime, now: datetime
) -> StepClaim | None:
    """Claim a job's planning or assembling; None if it is done, taken, or no longer wanted."""
    from_states = {step, JobState.QUEUED} if step is JobState.PLANNING else {step}
    claimed = move_job(
        session,
        job_id,
        step,
        Job.state.in_(from_states),
        or_(Job.lease_until.is_(None), Job.lease_until <= now),
        now=now,
        fence=Job.fence + 1,
        tries=Job.tries + 1,
        lease_holder=holder,
        lease_until=until,
    )
    if claimed is None:
        return None
    return StepClaim(job_id=job_id, fence=claimed.fence, tries=claimed.tries)


def renew_step(session: Session, claim: StepClaim, *, until: datetime) -> bool:
    """Renew the lease on the step; False if it is lost, over or handed back.

    The fence alone does not show that, since only the next claim raises it. A heartbeat after the
    end of one step would otherwise lock the job's next step until the lease expired.
    """
    return update_step(session, claim, Job.lease_holder.is_not(None), lease_until=until)


def hand_back_step(
    session: Session, claim: StepClaim, *, not_before: datetime, tries: int | None = None
) -> bool:
    """Release the step; nobody claims it before the given moment.

    `tries` sets the number of tries so far, if this one should not count.
    """
    tries_column = {} if tries is None else {"tries": tries}
    return update_step(session, claim, lease_holder=None, lease_until=not_before, **tries_column)


def fail_step(session: Session, claim: StepClaim, error: Exception, *, now: datetime) -> bool:
    """Fail the job with an error; False if the step was lost in the meantime."""
    return fail_job(session, claim.job_id, error, Job.fence == claim.fence, now=now)


def update_step(
    session: Session, claim: StepClaim, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    """Update the job if the step is still ours; False if it is not, or a condition fails."""
    updated = session.execute(
        update(Job)
        .where(Job.id == claim.job_id, Job.fence == claim.fence, Job.state.in_(ACTIVE))
        .where(*conditions)
        .values(**values)
        .returning(Job.id),
        execution_options=UNSYNCHRONIZED,
    )
    return updated.first() is not None


def require_step(
    session: Session, claim: StepClaim, *conditions: ColumnElement[bool], **values: Any
) -> None:
    """Update the job.

    Raises: LeaseLost if the step is no longer ours or a condition fails.
    """
    if not update_step(session, claim, *conditions, **values):
        raise LeaseLost(f"job {claim.job_id} is no longer ours (fence {claim.fence})")
