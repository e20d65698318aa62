"""Queries of the sweeper: work that nobody has claimed, and jobs that are overdue."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.errors import DeadlineError
from narration.jobs.advance import fail_job
from narration.jobs.parts import count_encodable
from narration.jobs.record import Job, Part, Segment
from narration.jobs.segment_claim import count_claimable
from narration.jobs.states import ACTIVE, JobState
from narration.jobs.transitions import STEP_TASKS

BATCH = 500  # rows per transaction


def find_stalled(
    session: Session, *, stalled_s: float, now: datetime
) -> list[tuple[str, JobState]]:
    """Return the jobs whose next step nobody has claimed, and postpone their next announcement.

    The interval doubles with the job's age, so that a long queue is not filled with repeated
    messages.
    """
    since = now - timedelta(seconds=stalled_s)
    steps = (JobState.QUEUED, JobState.PLANNING, JobState.ASSEMBLING)
    is_free = or_(Job.lease_until.is_(None), Job.lease_until <= now)
    is_due = or_(Job.announce_at.is_(None), Job.announce_at <= now)
    query = (
        select(Job.id, Job.state, Job.updated_at)
        .where(Job.state.in_(steps), Job.updated_at <= since, is_free, is_due)
        .order_by(Job.priority.desc(), Job.id)
        .limit(BATCH)
    )
    stalled = session.execute(query).all()
    for job_id, _, updated_at in stalled:
        next_time = now + (now - updated_at)
        session.execute(update(Job).where(Job.id == job_id).values(announce_at=next_time))
    return [(job_id, state) for job_id, state, _ in stalled]


def has_unspoken(session: Session) -> bool:
    """Return whether any job is still to be spoken, or was when a process was lost."""
    is_unspoken = Job.state.in_(ACTIVE - {JobState.ASSEMBLING})
    return session.scalar(select(Job.id).where(is_unspoken).limit(1)) is not None


def resume_work(session: Session, *, most_renders: int, now: datetime) -> None:
    """End every lease and send wake-ups for all unfinished work.

    Only for a process that has the database to itself: the previous lease holders are gone.
    """
    for table in (Job, Segment, Part):
        is_held = (table.lease_holder.is_not(None), table.lease_until > now)
        session.execute(update(table).where(*is_held).values(lease_until=now))
    query = select(Job.id, Job.state).where(Job.state.in_(STEP_TASKS)).order_by(Job.priority.desc())
    for job_id, state in session.execute(query.limit(BATCH)):
        queue_wakeup(session, STEP_TASKS[state], job_id)
    for _ in range(min(most_renders, count_claimable(session, now=now))):
        queue_wakeup(session, Task.RENDER)
    for _ in range(min(BATCH, count_encodable(session, now=now))):
        queue_wakeup(session, Task.ENCODE)


def fail_overdue(session: Session, *, now: datetime) -> list[str]:
    """Fail the jobs whose deadline has passed and return them."""
    query = select(Job.id).where(Job.state.in_(ACTIVE), Job.deadline_at <= now).limit(BATCH)
    overdue = list(session.scalars(query))
    return [job_id for job_id in overdue if fail_job(session, job_id, DeadlineError(), now=now)]


def oldest_wait_s(session: Session, state: JobState, *, now: datetime) -> float:
    """Return how long the longest waiting job in a state has waited."""
    oldest: ColumnElement[datetime | None] = func.min(Job.updated_at)
    since = session.execute(select(oldest).where(Job.state == state)).scalar_one()
    return (now - since).total_seconds() if since else 0.0
