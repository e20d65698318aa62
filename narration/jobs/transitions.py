"""The one writer of the states of jobs and chunks; the others have modules beside this one.

Each function is one conditional UPDATE from the tables of moves. It also writes the events of the
change and queues the wake-ups that follow, which are sent once the transaction is committed. The
modules above decide what moves when, and why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_call, queue_shared_wakeups, queue_wakeup
from narration.database import UNSYNCHRONIZED
from narration.errors import ConflictError
from narration.jobs.events import NewEvent, add_events, write_events, write_first_events
from narration.jobs.part_transitions import insert_parts, needs_unspoken, reset_parts
from narration.jobs.past_takes import keep_past_takes
from narration.jobs.planned import PlannedChunk, PlannedPart, chunk_rows
from narration.jobs.record import Chunk, Job, JobPlan, Segment
from narration.jobs.states import (
    CHUNK_MOVES,
    JOB_MOVES,
    UNSPOKEN_VALUES,
    ChunkState,
    JobState,
    SegmentState,
    sources_of,
)
from narration.jobs.trouble import UNTROUBLED
from narration.row_insert import insert_rows

# The message that starts a job's next step; rendering is announced segment by segment.
STEP_TASKS = {
    JobState.QUEUED: Task.PLAN,
    JobState.PLANNING: Task.PLAN,
    JobState.ASSEMBLING: Task.ASSEMBLE,
}
# The lease columns of a job that nobody works on and whose next step begins.
UNLEASED: dict[str, Any] = {
    "lease_holder": None,
    "lease_until": None,
    "announce_at": None,
    "tries": 0,
    **UNTROUBLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedJob:
    """A job after its move: its fencing number, and the number of tries at its step."""

    fence: int
    tries: int


def insert_jobs(session: Session, jobs: Sequence[Job], *, now: datetime) -> None:
    """Write new jobs, queued.

    Raises: ConflictError if an owner has used one of the idempotency keys before; nothing more can
    be done in the transaction then.
    """
    _insert_jobs(session, jobs, [JobState.QUEUED], now=now)
    queue_shared_wakeups(session, Task.PLAN, [job.id for job in jobs])


def insert_planned_job(
    session: Session,
    job: Job,
    plan: JobPlan,
    chunks: Sequence[PlannedChunk],
    parts: Sequence[PlannedPart],
    *,
    now: datetime,
) -> None:
    """Write a new job with its plan, rendered immediately because a client waits for its sound.

    Raises: ConflictError if the owner has used its idempotency key before.
    """
    job.planned_at = now
    job.characters = plan.characters
    job.chunks_total = len(chunks)
    _insert_jobs(session, [job], [JobState.QUEUED, JobState.RENDERING], now=now)
    insert_plan(session, plan, chunks, parts)
    queue_call(session)  # for the first segment: every worker hears it
    for _ in range(len({chunk.segment for chunk in chunks}) - 1):
        queue_wakeup(session, Task.RENDER)


def insert_plan(
    session: Session,
    plan: JobPlan,
    chunks: Sequence[PlannedChunk],
    parts: Sequence[PlannedPart],
) -> None:
    """Write a plan, with one row per segment, chunk and part.

    All are pending, except for chunks that come with a take and segments made up of only such
    chunks.
    """
    session.add(plan)
    session.flush()
    common = {"job_id": plan.job_id, "owner": plan.owner}
    unspoken = {chunk.segment for chunk in chunks if chunk.kept is None}
    session.execute(
        insert(Segment),
        [
            {
                **common,
                "index": index,
                "state": SegmentState.PENDING if index in unspoken else SegmentState.DONE,
            }
            for index in sorted({chunk.segment for chunk in chunks})
        ],
    )
    session.execute(insert(Chunk), [common | row for row in chunk_rows(chunks)])
    insert_parts(session, plan.job_id, plan.owner, parts)


def move_job(
    session: Session,
    job_id: str,
    target: JobState,
    *conditions: ColumnElement[bool],
    now: datetime,
    payload: Mapping[str, Any] | None = None,
    **values: Any,
) -> MovedJob | None:
    """Move a job if it may move there and the conditions hold; return its fence and its tries."""
    state = session.execute(
        select(Job.state).where(Job.id == job_id).with_for_update()
    ).scalar_one_or_none()
    if state is None or target not in JOB_MOVES[state]:
        return None
    is_news = state is not target
    moved = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == state, *conditions)
        .values(state=target, updated_at=now, events=Job.events + int(is_news), **values)
        .returning(Job.fence, Job.tries, Job.owner, Job.events),
        execution_options=UNSYNCHRONIZED,
    ).one_or_none()
    if moved is not None and is_news:
        event = NewEvent(type=f"job.{target.value}", payload=payload or {})
        write_events(session, job_id, [event], owner=moved.owner, last=moved.events, now=now)
        if target in STEP_TASKS and target is not JobState.PLANNING:
            queue_wakeup(session, STEP_TASKS[target], job_id)
    return moved and MovedJob(fence=moved.fence, tries=moved.tries)


def _insert_jobs(
    session: Session, jobs: Sequence[Job], states: Sequence[JobState], *, now: datetime
) -> None:
    """Write job rows in the last of the states, with an event for each."""
    for job in jobs:
        job.state = states[-1]
        job.events = len(states)
    keys = {job.idempotency_key for job in jobs if job.idempotency_key is not None}
    try:
        insert_rows(session, jobs)
    except IntegrityError as error:
        if not keys:  # only a key can be there already
            raise
        raise ConflictError(f"idempotency key {', '.join(keys)} was used before") from error
    events = [NewEvent(type=f"job.{state.value}") for state in states]
    write_first_events(session, [(job.id, job.owner) for job in jobs], events, now=now)


def delete_job_row(session: Session, job: Job, *, now: datetime) -> None:
    """Delete the row of an ended job, and write the event; its other rows are deleted with it."""
    event = NewEvent(type="job.deleted")
    write_events(session, job.id, [event], owner=job.owner, last=job.events + 1, now=now)
    session.delete(job)
    session.flush()


def move_chunks(
    session: Session,
    job_id: str,
    target: ChunkState,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> None:
    """Move chunks into or out of flight; they reach their end through `end_chunks`."""
    session.execute(
        update(Chunk)
        .where(Chunk.job_id == job_id, *conditions)
        .where(Chunk.state.in_(sources_of(CHUNK_MOVES, target)))
        .values(state=target, **values),
        execution_options=UNSYNCHRONIZED,
    )


def end_chunks(
    session: Session,
    job_id: str,
    target: ChunkState,
    *conditions: ColumnElement[bool],
    now: datetime,
    payload: Mapping[str, Any] | None = None,
    job_values: Mapping[str, Any] | None = None,
    **values: Any,
) -> list[int]:
    """End those chunks that match and are not spoken yet; return their numbers.

    `job_values` are written to the job row, in the statement that counts the events.
    """
    ended = session.scalars(
        update(Chunk)
        .where(Chunk.job_id == job_id, *conditions)
        .where(Chunk.state.in_(sources_of(CHUNK_MOVES, target)))
        .values(state=target, **values)
        .returning(Chunk.index),
        execution_options=UNSYNCHRONIZED,
    ).all()
    if ended:
        events = [
            NewEvent(type=f"chunk.{target.value}", payload={"chunk": index, **(payload or {})})
            for index in sorted(ended)
        ]
        add_events(session, job_id, events, now=now, **(job_values or {}))
    return list(ended)


def reset_chunks(
    session: Session,
    job_id: str,
    *conditions: ColumnElement[bool],
    now: datetime,
    first_take: ColumnElement[int] | int | None = None,
    is_lost: bool = False,
    **values: Any,
) -> list[int]:
    """Make chunks unspoken again; return their numbers. Their takes become past takes.

    The parts that need their sound become pending, too.
    `first_take` is where the next takes begin to count: the seeds of failed ones are not reused.
    `is_lost`: their sound is gone, so their takes cannot be played any more.
    """
    if not is_lost:
        keep_past_takes(session, job_id, *conditions)
    reset = session.scalars(
        update(Chunk)
        .where(Chunk.job_id == job_id, *conditions)
        .where(Chunk.state.in_(sources_of(CHUNK_MOVES, ChunkState.PENDING)))
        .values(state=ChunkState.PENDING, **UNSPOKEN_VALUES)
        .values(first_take=Chunk.first_take if first_take is None else first_take, **values)
        .returning(Chunk.index),
        execution_options=UNSYNCHRONIZED,
    ).all()
    if reset:
        payload = {"count": len(reset), "first": min(reset), "last": max(reset)}
        add_events(session, job_id, [NewEvent(type="chunks.reset", payload=payload)], now=now)
        reset_parts(session, job_id, needs_unspoken(), now=now)
    return list(reset)
