"""Pages of events: of one job or all jobs of an owner, and of many of these at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    Table,
    bindparam,
    column,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from narration.database import ID, OWNER, BigCount, FirstRunning
from narration.jobs.events import JobEvent, Position
from narration.jobs.record import Event

Key: TypeAlias = tuple[str, str]  # owner and job; "" for all of the owner's jobs
_EVENTS = cast("Table", Event.__table__).c
_COLUMNS = (
    _EVENTS.id,
    _EVENTS.job_id,
    _EVENTS.number,
    _EVENTS.owner,
    _EVENTS.type,
    _EVENTS.payload,
    _EVENTS.created_at,
    _EVENTS.transaction,
)
_IS_SETTLED: ColumnElement[bool] = _EVENTS.transaction < FirstRunning()
_ORDER = (_EVENTS.transaction, _EVENTS.id)  # of an owner's events


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events in order; `is_last` if no settled event follows."""

    events: list[JobEvent]
    is_last: bool
    is_settled: bool = True  # False: more are visible, but an earlier one may still appear


def read_job_events(
    session: Session, job_id: str, *, owner: str, after: int, limit: int
) -> EventPage:
    """Return a page of events of an owner's job, which may have been deleted by now."""
    query = (
        select(*_COLUMNS)
        .where(_EVENTS.job_id == job_id, _EVENTS.number > after)
        .order_by(_EVENTS.number)
        .limit(limit)
    )
    # All of them or none. As a condition, it would make Postgres read all of an owner's events.
    return _job_page([row for row in session.execute(query) if row.owner == owner], limit)


def read_owner_events(session: Session, owner: str, *, after: Position, limit: int) -> EventPage:
    """Return a page of settled events across all jobs of an owner."""
    place = tuple_(literal(after.transaction), literal(after.id))
    query = (
        select(*_COLUMNS, _IS_SETTLED.label("is_settled"))
        .where(_EVENTS.owner == owner, tuple_(*_ORDER) > place)
        .order_by(*_ORDER)
        .limit(limit)
    )
    return _owner_page(list(session.execute(query)), limit)


def read_page(session: Session, key: Key, *, after: Position, limit: int) -> EventPage:
    """Return a page of a job or of an owner; a job's is given by the number of an event."""
    owner, job_id = key
    if job_id:
        return read_job_events(session, job_id, owner=owner, after=after.id, limit=limit)
    return read_owner_events(session, owner, after=after, limit=limit)


def read_pages(
    session: Session, places: Mapping[Key, Position], *, limit: int
) -> dict[Key, EventPage]:
    """Return the page after each place: see `read_page`. Few queries for all of them."""
    if session.get_bind().dialect.name != "postgresql":
        # No query to a server, so nothing is gained from having fewer.
        return {
            key: read_page(session, key, after=after, limit=limit) for key, after in places.items()
        }
    jobs = [(owner, job, after.id) for (owner, job), after in places.items() if job]
    owners = [(owner, after) for (owner, job), after in places.items() if not job]
    pages: dict[Key, EventPage] = {}
    if jobs:
        asked = {
            "owners": [owner for owner, _, _ in jobs],
            "jobs": [job_id for _, job_id, _ in jobs],
            "numbers": [number for _, _, number in jobs],
        }
        of_job: defaultdict[Key, list[Row[Any]]] = defaultdict(list)
        for row in session.execute(_OF_JOBS, asked | {"most": limit}):
            of_job[row.owner, row.job_id].append(row)
        pages |= {(owner, job): _job_page(of_job[owner, job], limit) for owner, job, _ in jobs}
    if owners:
        asked = {
            "owners": [owner for owner, _ in owners],
            "transactions": [after.transaction for _, after in owners],
            "ids": [after.id for _, after in owners],
        }
        of_owner: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        for row in session.execute(_OF_OWNERS, asked | {"most": limit}):
            of_owner[row.owner].append(row)
        pages |= {(owner, ""): _owner_page(of_owner[owner], limit) for owner, _ in owners}
    return pages


def _job_page(rows: Sequence[Any], limit: int) -> EventPage:
    return EventPage(events=[_event(row) for row in rows], is_last=len(rows) < limit)


def _owner_page(rows: list[Row[Any]], limit: int) -> EventPage:
    # Always a prefix: rows come in order of their transactions.
    settled = [row for row in rows if row.is_settled]
    return EventPage(
        events=[_event(row) for row in settled],
        is_last=len(settled) < limit,
        is_settled=len(settled) == len(rows),
    )


def _event(row: Row[Any]) -> JobEvent:
    return JobEvent(
        job_id=row.job_id,
        number=row.number,
        owner=row.owner,
        type=row.type,
        payload=row.payload,
        created_at=row.created_at,
        position=Position(transaction=row.transaction, id=row.id),
    )


def _rows_of(**lists: Any) -> FromClause:
    """Return a table with a column for each list that a query is given: on Postgres."""
    given = [bindparam(f"{name}s", type_=ARRAY(type_)) for name, type_ in lists.items()]
    columns = [column(name, type_) for name, type_ in lists.items()]
    return func.unnest(*given).table_valued(*columns, name="asked").render_derived()


def _pages(
    asked: FromClause, page: Select[Any], *order: str, same: str | None = None
) -> Select[Any]:
    """Return the query for a page of its own for each row of `asked`, by the index for each.

    `same`: a column in which the page must equal that row.
    """
    of_one = page.limit(bindparam("most", type_=Integer)).lateral("page")
    is_asked = true() if same is None else of_one.c[same] == asked.c[same]
    pages = select(of_one).select_from(asked.join(of_one, is_asked))
    return pages.order_by(*(of_one.c[name] for name in order))


_JOBS = _rows_of(owner=OWNER, job=ID, number=BigCount)
_OF_JOBS = _pages(
    _JOBS,
    select(*_COLUMNS)
    .where(_EVENTS.job_id == _JOBS.c.job, _EVENTS.number > _JOBS.c.number)
    .order_by(_EVENTS.number),
    "number",
    same="owner",  # see `read_job_events`
)
_OWNERS = _rows_of(owner=OWNER, transaction=BigCount, id=BigCount)
_OF_OWNERS = _pages(
    _OWNERS,
    select(*_COLUMNS, _IS_SETTLED.label("is_settled"))
    .where(_EVENTS.owner == _OWNERS.c.owner)
    .where(tuple_(*_ORDER) > tuple_(_OWNERS.c.transaction, _OWNERS.c.id))
    .order_by(*_ORDER),
    "transaction",
    "id",
)
