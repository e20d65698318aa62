"""The one writer of the states of parts: see `transitions`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.jobs.events import NewEvent, add_events
from narration.jobs.planned import PlannedPart, part_rows
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.states import PART_MOVES, SPOKEN, PartState, sources_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedPart:
    """A part after its move, with its fencing number and number of claims."""

    index: int
    owner: str
    fence: int
    tries: int


def insert_parts(session: Session, job_id: str, owner: str, parts: Sequence[PlannedPart]) -> None:
    """Write the rows of a job's parts, all of them pending."""
    if parts:
        common = {"job_id": job_id, "owner": owner, "state": PartState.PENDING}
        session.execute(insert(Part), [common | row for row in part_rows(parts)])


def move_parts(
    session: Session,
    job_id: str,
    target: PartState,
    *conditions: ColumnElement[bool],
    now: datetime,
    **values: Any,
) -> list[MovedPart]:
    """Move those parts of a job that may move and match the conditions; return their new state.

    Storing a part writes an event; claiming or releasing one does not.
    """
    if target is PartState.STORED:
        # The event is counted in the job's row. That row is locked first, as it is where parts are
        # reset: otherwise each transaction could wait for the other.
        session.execute(select(Job.id).where(Job.id == job_id).with_for_update())
    moved = session.execute(
        update(Part)
        .where(Part.job_id == job_id, Part.state.in_(sources_of(PART_MOVES, target)), *conditions)
        .values(state=target, **values)
        .returning(Part.index, Part.owner, Part.fence, Part.tries),
        execution_options=UNSYNCHRONIZED,
    ).all()
    if target is PartState.STORED and moved:
        events = [NewEvent(type="part.stored", payload={"part": row.index}) for row in moved]
        add_events(session, job_id, events, now=now)
    return [MovedPart(**row._asdict()) for row in moved]


def mark_ready(session: Session, job_id: str, indexes: Collection[int]) -> list[int]:
    """Mark those parts that can be encoded now that their last chunk is spoken."""
    marked = session.scalars(
        update(Part)
        .where(Part.job_id == job_id, Part.index.in_(indexes))
        .where(Part.state == PartState.PENDING, Part.is_ready.is_(False), ~needs_unspoken())
        .values(is_ready=True)
        .returning(Part.index),
        execution_options=UNSYNCHRONIZED,
    )
    return list(marked)


def reset_parts(
    session: Session, job_id: str, condition: ColumnElement[bool], *, now: datetime
) -> list[int]:
    """Reset parts to pending because one of their chunks changed; return their numbers.

    The fencing number rises, so a worker that is encoding one of them loses it.
    """
    session.execute(
        update(Part)
        .where(Part.job_id == job_id, Part.is_ready.is_(True), needs_unspoken())
        .values(is_ready=False),
        execution_options=UNSYNCHRONIZED,
    )
    free = {"lease_holder": None, "lease_until": None, "tries": 0, "fence": Part.fence + 1}
    moved = move_parts(session, job_id, PartState.PENDING, condition, now=now, **free)
    numbers = sorted(part.index for part in moved)
    if numbers:
        payload = {"count": len(numbers), "first": numbers[0], "last": numbers[-1]}
        add_events(session, job_id, [NewEvent(type="parts.reset", payload=payload)], now=now)
    return numbers


def needs_chunk(index: int) -> ColumnElement[bool]:
    """Condition: the part needs a chunk."""
    return (Part.needs_from <= index) & (Part.needs_end > index)


def needs_unspoken() -> ColumnElement[bool]:
    """Condition: the part needs a chunk that is not spoken."""
    first = (
        select(Chunk.index)
        .where(Chunk.job_id == Part.job_id, Chunk.state.not_in(SPOKEN))
        .where(Chunk.index >= Part.needs_from, Chunk.index < Part.needs_end)
        # The order makes Postgres look at these chunks only. With `EXISTS`, it reads all chunks of
        # the job for each of its parts where it has no statistics of the job yet.
        .order_by(Chunk.index)
        .limit(1)
        .correlate(Part)
        .scalar_subquery()
    )
    return first.is_not(None)
