"""Store parts that were encoded for an earlier job, many at once.

Nothing in them needs encoding, yet each by itself would cost a claim and three transactions. For a
book in which one sentence has changed, those are nearly all of its parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, select, update
from sqlalchemy.orm import Session

from narration.jobs.part_sound import PartSound
from narration.jobs.part_transitions import move_parts, needs_unspoken
from narration.jobs.parts import OPEN_JOBS, UNLEASED_PART, is_unleased, sound_columns
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.states import PartState


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPart:
    """A part whose packets are in the store: what they were encoded from, and its sound.

    `takes` has the SHA-256 of every take it needs, by the number of the chunk. `sound` is None
    where no listener can play it.
    """

    index: int
    takes: Mapping[int, str]
    sound: PartSound | None


def untouched_parts(
    session: Session, job_id: str, *, after: int, most: int, now: datetime
) -> list[Part]:
    """Return spoken parts that nobody encodes: at most `most`, from the first after `after` on."""
    query = (
        select(Part)
        .where(Part.job_id == job_id, Part.index > after, _is_untouched(now), ~needs_unspoken())
        .order_by(Part.index)
        .limit(most)
    )
    return list(session.scalars(query))


def finish_found(
    session: Session, job_id: str, parts: Sequence[FoundPart], *, gain_db: float, now: datetime
) -> list[int]:
    """Store those parts that are still untouched and whose takes are still the same.

    `gain_db` is the gain they were encoded with. Returns their numbers.
    """
    # The job row first, in the same order as where chunks are reset, so none is reset meanwhile.
    is_open = (Job.id == job_id, Job.state.in_(OPEN_JOBS), Job.gain_db == gain_db)
    if session.scalar(select(Job.id).where(*is_open).with_for_update()) is None:
        return []
    takes = _takes_now(session, job_id, parts)
    same = {part.index: part for part in parts if part.takes.items() <= takes.items()}
    claimed = move_parts(
        session,
        job_id,
        PartState.ENCODING,
        Part.index.in_(sorted(same)),
        _is_untouched(now),
        ~needs_unspoken(),
        now=now,
        fence=Part.fence + 1,
    )
    indexes = sorted(part.index for part in claimed)
    _write_sounds(session, job_id, [same[index] for index in indexes])
    if indexes:
        is_ours = Part.index.in_(indexes)
        move_parts(session, job_id, PartState.STORED, is_ours, now=now, **UNLEASED_PART)
    return indexes


def _takes_now(session: Session, job_id: str, parts: Sequence[FoundPart]) -> dict[int, str | None]:
    numbers = {number for part in parts for number in part.takes}
    if not numbers:
        return {}
    query = select(Chunk.index, Chunk.sha256).where(
        Chunk.job_id == job_id, Chunk.index >= min(numbers), Chunk.index <= max(numbers)
    )
    return dict(session.execute(query).all())


def _write_sounds(session: Session, job_id: str, parts: Sequence[FoundPart]) -> None:
    rows: list[dict[str, Any]] = [
        {"of_job": job_id, "at": part.index, **sound_columns(part.sound)}
        for part in parts
        if part.sound is not None
    ]
    if not rows:
        return
    table = Part.__table__
    assert isinstance(table, Table)
    is_it = (table.c.job_id == bindparam("of_job"), table.c.index == bindparam("at"))
    session.connection().execute(update(table).where(*is_it), rows)


def _is_untouched(now: datetime) -> ColumnElement[bool]:
    return and_(Part.state == PartState.PENDING, is_unleased(now))
