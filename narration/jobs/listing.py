"""Pages of jobs and chunks, newest jobs first, and their cursors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from narration.jobs.record import Chunk, Job
from narration.jobs.states import ChunkState, JobKind, JobState

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows and the cursor of the next page; None at the end."""

    rows: list[T]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which of an owner's jobs to list; a field at its default does not restrict."""

    kinds: frozenset[JobKind] = frozenset()
    states: frozenset[JobState] = frozenset()
    labels: Mapping[str, str] | None = None
    search: str = ""  # matches anywhere in the title, the author or the source name
    created_after: datetime | None = None
    created_before: datetime | None = None


def list_jobs(
    session: Session, owner: str, job_filter: JobFilter, *, cursor: str | None, limit: int
) -> Page[Job]:
    """Return a page of an owner's jobs, newest first; identifiers sort by time."""
    query = select(Job).where(Job.owner == owner).order_by(Job.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(Job.id < cursor)
    if job_filter.kinds:
        query = query.where(Job.kind.in_(job_filter.kinds))
    if job_filter.states:
        query = query.where(Job.state.in_(job_filter.states))
    for name, value in (job_filter.labels or {}).items():
        query = query.where(_has_label(session, name, value))
    if job_filter.search:
        columns = (Job.title, Job.author, Job.source_name)
        query = query.where(
            or_(*(name.icontains(job_filter.search, autoescape=True) for name in columns))
        )
    if job_filter.created_after is not None:
        query = query.where(Job.created_at > job_filter.created_after)
    if job_filter.created_before is not None:
        query = query.where(Job.created_at < job_filter.created_before)
    rows = list(session.scalars(query))
    is_last = len(rows) <= limit
    return Page(rows=rows[:limit], cursor=None if is_last else rows[limit - 1].id)


def read_jobs(session: Session, job_ids: Sequence[str]) -> dict[str, Job]:
    """Return those of the jobs that exist, by id."""
    return {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(job_ids)))}


def list_chunks(
    session: Session,
    job_id: str,
    *,
    states: frozenset[ChunkState] = frozenset(),
    cursor: str | None = None,
    limit: int,
) -> Page[Chunk]:
    """Return a page of a job's chunks in reading order."""
    query = select(Chunk).where(Chunk.job_id == job_id).order_by(Chunk.index).limit(limit + 1)
    if cursor is not None:
        query = query.where(Chunk.index > int(cursor))
    if states:
        query = query.where(Chunk.state.in_(states))
    rows = list(session.scalars(query))
    is_last = len(rows) <= limit
    return Page(rows=rows[:limit], cursor=None if is_last else str(rows[limit - 1].index))


def count_jobs(session: Session, owner: str | None = None) -> dict[JobState, int]:
    """Return the number of jobs in each state, including states without any."""
    query = select(Job.state, func.count()).group_by(Job.state)
    if owner is not None:
        query = query.where(Job.owner == owner)
    counts = {JobState(state): count for state, count in session.execute(query)}
    return {state: counts.get(state, 0) for state in JobState}


def count_speaking(session: Session) -> int:
    """Return how many jobs are being spoken for a waiting client."""
    query = select(func.count()).select_from(Job).where(Job.state == JobState.RENDERING)
    return session.execute(query.where(Job.kind != JobKind.NARRATION)).scalar_one()


def count_queued(session: Session) -> int:
    """Return how many jobs are queued; it runs at every submission, so it reads one state only."""
    query = select(func.count()).select_from(Job).where(Job.state == JobState.QUEUED)
    return session.execute(query).scalar_one()


def _has_label(session: Session, name: str, value: str) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "postgresql":
        is_equal: ColumnElement[bool] = Job.labels[name].as_string() == value
        return is_equal
    # SQLite's paths cannot name a key with a quotation mark or a backslash.
    labels = func.json_each(Job.labels).table_valued("key", "value")
    return select(labels.c.key).where(labels.c.key == name, labels.c.value == value).exists()
