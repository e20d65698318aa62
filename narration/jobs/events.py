"""Events: what subscribers are told of a job, each a row written with the change it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.jobs.record import Event, Job


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event before it has a number: `job.succeeded`, `chunk.flagged` and the like."""

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)


def add_events(
    session: Session, job_id: str, events: Sequence[NewEvent], *, now: datetime, **values: Any
) -> bool:
    """Give events of a job their numbers and write them; `values` go to the job row with the count.

    The counter lies in the job row, so its lock orders the events of a job as they are committed.
    Returns False, and writes nothing, if there is no such job.
    """
    numbered = session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(events=Job.events + len(events), **values)
        .returning(Job.owner, Job.events),
        execution_options=UNSYNCHRONIZED,
    ).one_or_none()
    if numbered is None:
        return False
    write_events(session, job_id, events, owner=numbered.owner, last=numbered.events, now=now)
    return True


def write_events(
    session: Session,
    job_id: str,
    events: Sequence[NewEvent],
    *,
    owner: str,
    last: int,
    now: datetime,
) -> None:
    """Write events whose numbers, the last of them `last`, the job row has counted already."""
    if not events:
        return
    first = last - len(events) + 1
    rows = [
        {
            "job_id": job_id,
            "number": first + offset,
            "owner": owner,
            "type": event.type,
            "payload": dict(event.payload),
            "created_at": now,
        }
        for offset, event in enumerate(events)
    ]
    session.execute(insert(Event), rows)


def list_events(session: Session, job_id: str, *, after: int = 0, limit: int = 500) -> list[Event]:
    """Return the events of a job whose numbers are greater than `after`, in order."""
    query = select(Event).where(Event.job_id == job_id, Event.number > after)
    return list(session.scalars(query.order_by(Event.number).limit(limit)))


def forget_events(session: Session, *, before: datetime) -> None:
    """Delete events that are older than any subscriber may be behind."""
    session.execute(delete(Event).where(Event.created_at < before))
