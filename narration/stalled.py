"""What the sweeper asks the database: which work nobody does, what is overdue, what may go."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from narration.errors import DeadlineError
from narration.lifecycle import ACTIVE, ENDED, JobState
from narration.models import Chunk, ChunkAudio, Job
from narration.settlement import fail

BATCH = 500  # rows of one transaction


def find_stalled(
    session: Session, *, stalled_s: float, now: datetime
) -> list[tuple[str, JobState]]:
    """Return the jobs whose next step nobody has begun, and put off their next announcement.

    The wait doubles with the job's age: a long queue is no reason to fill it with repetitions.
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
    found = session.execute(query).all()
    for job_id, _, updated_at in found:
        next_time = now + (now - updated_at)
        session.execute(update(Job).where(Job.id == job_id).values(announce_at=next_time))
    return [(job_id, state) for job_id, state, _ in found]


def fail_overdue(session: Session, *, now: datetime) -> list[str]:
    """Fail the jobs whose deadline has passed and return them."""
    query = select(Job.id).where(Job.state.in_(ACTIVE), Job.deadline_at <= now).limit(BATCH)
    overdue = list(session.scalars(query))
    return [job_id for job_id in overdue if fail(session, job_id, DeadlineError(), now=now)]


def find_expired(session: Session, *, now: datetime) -> list[Job]:
    """Return ended jobs whose retention is over."""
    query = select(Job).where(Job.state.in_(ENDED), Job.expires_at <= now).limit(BATCH)
    return list(session.scalars(query))


def forget_unused_audio(session: Session, *, before: datetime) -> list[str]:
    """Drop cache rows not used since `before`; return the sounds nothing names any more.

    A sound that any job's chunk names is kept, even without its cache row.
    """
    old = select(ChunkAudio.sha256).where(ChunkAudio.used_at < before).distinct().limit(BATCH)
    sounds = list(session.scalars(old))
    session.execute(
        delete(ChunkAudio).where(ChunkAudio.sha256.in_(sounds), ChunkAudio.used_at < before)
    )
    cached = select(ChunkAudio.sha256).where(ChunkAudio.sha256.in_(sounds))
    spoken = select(Chunk.sha256).where(Chunk.sha256.in_(sounds))
    named = {*session.scalars(cached), *session.scalars(spoken)}
    return [sha256 for sha256 in sounds if sha256 not in named]


def oldest_wait_s(session: Session, state: JobState, *, now: datetime) -> float:
    """Return how long the longest waiting job of a state has waited."""
    oldest: ColumnElement[datetime | None] = func.min(Job.updated_at)
    since = session.execute(select(oldest).where(Job.state == state)).scalar_one()
    return (now - since).total_seconds() if since else 0.0
