"""Events: what subscribers learn about a job, each a row written along with the change.

The events of a job are ordered by number; the lock on the job row makes the numbers gapless.
The events of an owner are ordered by the transaction that wrote them and then by id. Ids are
assigned before the commit, so a later one may become visible first, and a subscriber that resumed
after it would lose the earlier one. An event is settled once no earlier transaction is still
running.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, cast

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.orm import Session

from narration.broker.wakeups import queue_notice
from narration.database import UNSYNCHRONIZED, FirstRunning, NextTransaction
from narration.jobs.record import Event, Job

MAX_NUMBER = 2**63 - 1  # the largest value that the columns of a position hold
_POSITION = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
# Into the table and not the mapped class, whose insert costs several times as much; inline, since
# nobody asks for the new ids.
_INSERT = insert(cast("Table", Event.__table__)).inline()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event without a number yet: `job.succeeded`, `chunk.flagged` and so on."""

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in the events of an owner: everything up to it has been read."""

    transaction: int
    id: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of `str`. Raises: ValueError."""
        match = _POSITION.fullmatch(text)
        if match is None or max(map(int, match.groups())) > MAX_NUMBER:
            raise ValueError(f"{text!r} is not a position: send the id of an event")
        return cls(transaction=int(match[1]), id=int(match[2]))

    def __str__(self) -> str:
        return f"{self.transaction}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """An event as subscribers see it."""

    job_id: str
    number: int
    owner: str
    type: str
    payload: Mapping[str, Any]
    created_at: datetime
    position: Position


def add_events(
    session: Session, job_id: str, events: Sequence[NewEvent], *, now: datetime, **values: Any
) -> bool:
    """Write numbered events of a job; `values` go to the job row along with their count.

    The counter is in the job row, so its lock orders the events of a job by commit.
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
    """Write events that the job row has already counted; `last` is the number of the last one."""
    first = last - len(events) + 1
    _write(session, _rows(job_id, owner, events, first=first, now=now))


def write_first_events(
    session: Session, jobs: Iterable[tuple[str, str]], events: Sequence[NewEvent], *, now: datetime
) -> None:
    """Write the same first events of several new jobs, each given by its id and its owner."""
    _write(
        session,
        [row for job_id, owner in jobs for row in _rows(job_id, owner, events, first=1, now=now)],
    )


def _rows(
    job_id: str, owner: str, events: Sequence[NewEvent], *, first: int, now: datetime
) -> list[dict[str, Any]]:
    return [
        {
            "job_id": job_id,
            "number": number,
            "owner": owner,
            "type": event.type,
            "payload": dict(event.payload),
            "created_at": now,
        }
        for number, event in enumerate(events, first)
    ]


def _write(session: Session, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    # A single row as itself: a list of one is sent the longer way, as a list of many is.
    session.execute(_INSERT, rows[0] if len(rows) == 1 else rows)
    for row in rows:
        queue_notice(session, change_notice(row["job_id"], row["owner"]))


def change_notice(job_id: str, owner: str) -> str:
    """Return the notice that a job changed."""
    return f"{job_id} {owner}"


def parse_notice(notice: str) -> tuple[str, str]:
    """Return the job and the owner that a notice names."""
    job_id, _, owner = notice.partition(" ")
    return job_id, owner


def list_events(session: Session, job_id: str, *, after: int = 0, limit: int = 500) -> list[Event]:
    """Return the events of a job whose numbers are greater than `after`, in order."""
    query = select(Event).where(Event.job_id == job_id, Event.number > after)
    return list(session.scalars(query.order_by(Event.number).limit(limit)))


def present_position(session: Session) -> Position:
    """Return the position before the first event that is not settled now."""
    last = select(func.coalesce(func.max(Event.id), 0)).scalar_subquery()
    first_running, last_id = session.execute(select(FirstRunning(), last)).one()
    is_numbered = session.get_bind().dialect.name == "postgresql"
    # Where transactions have numbers, all below the oldest running one are settled.
    if is_numbered:
        return Position(transaction=first_running - 1, id=MAX_NUMBER)
    return Position(transaction=0, id=last_id)


def place_to_resume(session: Session, position: Position) -> Position:
    """Return where to resume after a position, which may be from before a restore.

    All subscribers share one reader, so nobody may start at a position that is still in the future.
    """
    is_numbered = session.get_bind().dialect.name == "postgresql"
    if is_numbered and position.transaction >= (session.scalar(select(NextTransaction())) or 0):
        # Written by another server: its transaction numbers mean nothing here, but ids are the
        # same.
        return Position(transaction=0, id=position.id)
    return min(position, present_position(session))


def list_changed(session: Session, *, since: datetime) -> list[tuple[str, str]]:
    """Return job and owner of every event since a time, in case notices were lost."""
    query = select(Event.job_id, Event.owner).where(Event.created_at >= since).distinct()
    return [(job_id, owner) for job_id, owner in session.execute(query)]


def forget_events(session: Session, *, before: datetime) -> None:
    """Delete events too old for any subscriber to need."""
    session.execute(delete(Event).where(Event.created_at < before))
