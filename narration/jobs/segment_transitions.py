"""The one writer of the states of segments: conditional UPDATEs from the table of moves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from narration.database import UNSYNCHRONIZED
from narration.jobs.events import NewEvent, add_events
from narration.jobs.record import Segment
from narration.jobs.states import SEGMENT_MOVES, SegmentState, sources_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedSegment:
    """A segment after its move, with its fencing number, its claims and its losses."""

    index: int
    owner: str
    fence: int
    tries: int
    losses: int


def move_segments(
    session: Session,
    job_id: str,
    target: SegmentState,
    *conditions: ColumnElement[bool],
    now: datetime,
    **values: Any,
) -> list[MovedSegment]:
    """Move those segments of a job that may move and match the conditions; return their new state.

    The end of a segment writes an event; claiming or releasing one does not.
    """
    statement = update_segments(target, Segment.job_id == job_id, *conditions, **values)
    moved = session.execute(statement, execution_options=UNSYNCHRONIZED).all()
    if target in (SegmentState.DONE, SegmentState.FAILED) and moved:
        kind = f"segment.{target.value}"
        events = [NewEvent(type=kind, payload={"segment": row.index}) for row in moved]
        add_events(session, job_id, events, now=now)
    return [MovedSegment(**row._asdict()) for row in moved]


def update_segments(
    target: SegmentState, *conditions: ColumnElement[bool], **values: Any
) -> ReturningUpdate[int, str, int, int, int]:
    """Build the statement of `move_segments`, for callers that execute the same one often."""
    return (
        update(Segment)
        .where(Segment.state.in_(sources_of(SEGMENT_MOVES, target)), *conditions)
        .values(state=target, **values)
        .returning(Segment.index, Segment.owner, Segment.fence, Segment.tries, Segment.losses)
    )
