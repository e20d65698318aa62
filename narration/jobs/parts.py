"""Encode a job part by part: claim, renew, hand back, finish.

A part may be encoded as soon as the chunks it needs are spoken, while others are still being
rendered. Jobs go by priority; among equal ones the earliest parts go first, as somebody may be
waiting to listen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.database import UNSYNCHRONIZED
from narration.errors import LeaseLost
from narration.jobs.cuts import QUIET_MS, Cuttable, cut_parts
from narration.jobs.part_sound import PartSound
from narration.jobs.part_transitions import insert_parts, mark_ready, move_parts, needs_unspoken
from narration.jobs.planned import PlannedPart
from narration.jobs.record import Job, Part
from narration.jobs.states import JobState, PartState

WAKEUPS = 16  # per transaction: an encoder that is done with a part looks for another
NEIGHBOURS = 8  # parts that are examined per chunk: where pauses are short, many may need it
OPEN_JOBS = (JobState.RENDERING, JobState.ASSEMBLING)
# The columns of a part that is stored: nobody works on it.
UNLEASED_PART: dict[str, Any] = {
    "lease_holder": None,
    "lease_until": None,
    "tries": 0,
    "is_ready": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartClaim:
    """The right to encode one part, until another worker claims it with a higher fence."""

    job_id: str
    index: int
    owner: str
    fence: int
    tries: int  # including this one


def plan_parts(chunks: Sequence[Cuttable]) -> list[PlannedPart]:
    """Return the parts of a plan: the chunks each contains, and the chunks each needs.

    A part between silences needs its own chunks only. Where pauses are short, it shares a packet
    grid with the parts before it, and its encoder hears the beginning of the next part.
    """
    cuts = cut_parts(chunks)
    ends = [*cuts[1:], len(chunks)]
    parts: list[PlannedPart] = []
    grid = 0
    for index, (first, end) in enumerate(pairwise([*cuts, len(chunks)])):
        begins_quietly = first == 0 or chunks[first - 1].pause_after_ms >= QUIET_MS
        grid = first if begins_quietly else grid
        is_last = end == len(chunks)
        ends_quietly = is_last or chunks[end - 1].pause_after_ms >= QUIET_MS
        parts.append(
            PlannedPart(
                index=index,
                first_chunk=first,
                end_chunk=end,
                needs_from=grid,
                needs_end=end if ends_quietly else ends[index + 1],
            )
        )
    return parts


def get_parts(session: Session, job_id: str) -> list[Part]:
    """Return every part of a job, in order."""
    return list(session.scalars(select(Part).where(Part.job_id == job_id).order_by(Part.index)))


def get_part(session: Session, job_id: str, index: int) -> Part:
    """Return one part of a job."""
    return session.get_one(Part, (job_id, index))


def get_cuts(session: Session, job_id: str, chunks: range) -> list[int]:
    """Return those of some chunks with which a part begins, in order."""
    query = (
        select(Part.first_chunk)
        .where(Part.job_id == job_id)
        .where(Part.first_chunk >= chunks.start, Part.first_chunk < chunks.stop)
        .order_by(Part.first_chunk)
    )
    return list(session.scalars(query))


def add_missing_parts(
    session: Session, job_id: str, owner: str, chunks: Sequence[Cuttable]
) -> None:
    """Add the parts of a job that was planned before parts existed."""
    if session.scalar(select(func.count()).where(Part.job_id == job_id)) == 0:
        insert_parts(session, job_id, owner, plan_parts(chunks))


def free_parts(session: Session, job_id: str) -> None:
    """Reset the tries of a job's unclaimed parts, because the job starts again."""
    session.execute(
        update(Part)
        .where(Part.job_id == job_id, Part.state == PartState.PENDING)
        .values(tries=0, lease_until=None),
        execution_options=UNSYNCHRONIZED,
    )


def claim_part(
    session: Session,
    *,
    holder: str,
    until: datetime,
    now: datetime,
    job_id: str | None = None,
) -> PartClaim | None:
    """Claim the next part in order; None if there is none.

    With `job_id`: any part of that job whose chunks are spoken, even if it was not marked as ready.
    Only the one part is locked: dozens of encoders claim at the same time, and one that finds none
    stops looking.
    """
    is_open = _is_claimable(now)
    query = (
        select(Part.job_id, Part.index)
        .join(Job, Job.id == Part.job_id)
        .where(Job.state.in_(OPEN_JOBS), Job.gain_db.is_not(None), is_open, ~needs_unspoken())
        .order_by(Job.priority.desc(), Part.index, Job.created_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=Part)
    )
    query = query.where(Part.is_ready if job_id is None else Job.id == job_id)
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    moved = move_parts(
        session,
        found.job_id,
        PartState.ENCODING,
        Part.index == found.index,
        is_open,
        now=now,
        fence=Part.fence + 1,
        tries=Part.tries + 1,
        lease_holder=holder,
        lease_until=until,
    )
    for part in moved:
        return PartClaim(
            job_id=found.job_id,
            index=part.index,
            owner=part.owner,
            fence=part.fence,
            tries=part.tries,
        )
    return None


def renew_part(session: Session, claim: PartClaim, *, until: datetime) -> bool:
    """Renew the lease on the part; False if it is lost or its job is no longer wanted."""
    is_wanted = select(Job.id).where(Job.id == claim.job_id, Job.state.in_(OPEN_JOBS)).exists()
    renewed = session.execute(
        update(Part)
        .where(Part.job_id == claim.job_id, *_is_ours(claim), is_wanted)
        .values(lease_until=until)
        .returning(Part.index),
        execution_options=UNSYNCHRONIZED,
    )
    return renewed.first() is not None


def hand_back_part(
    session: Session, claim: PartClaim, *, not_before: datetime, tries: int | None = None
) -> bool:
    """Release the part; nobody claims it before the given moment.

    `tries` sets the number of tries so far, if this one should not count.
    """
    tries_column = {} if tries is None else {"tries": tries}
    released: dict[str, Any] = {"lease_holder": None, "lease_until": not_before, **tries_column}
    ours = _is_ours(claim)
    return bool(
        move_parts(session, claim.job_id, PartState.PENDING, *ours, now=not_before, **released)
    )


def finish_part(
    session: Session, claim: PartClaim, *, sound: PartSound | None = None, now: datetime
) -> None:
    """Finish a part whose packets are stored; with its sound it can be played.

    Raises: LeaseLost.
    """
    released = UNLEASED_PART | (sound_columns(sound) if sound else {})
    ours = _is_ours(claim)
    if not move_parts(session, claim.job_id, PartState.STORED, *ours, now=now, **released):
        raise LeaseLost(f"part {claim.index} of job {claim.job_id} is no longer ours")


def sound_columns(sound: PartSound) -> dict[str, Any]:
    """Return a part's sound as columns of its row."""
    return {
        "audio_sha256": sound.sha256,
        "audio_samples": sound.samples,
        "audio_packets": sound.packets,
        "ends_run": sound.ends_run,
    }


def wake_encoders(session: Session, job_id: str, chunks: Sequence[int]) -> None:
    """Wake encoders for the parts that these chunks completed."""
    if not chunks:
        return
    # One query for all of the chunks: even the longest book has only about a thousand parts.
    query = (
        select(Part.index, Part.needs_from, Part.needs_end)
        .where(Part.job_id == job_id, Part.state == PartState.PENDING, Part.is_ready.is_(False))
        .where(Part.needs_end > min(chunks), Part.needs_from <= max(chunks))
        .order_by(Part.needs_end)
    )
    parts = session.execute(query).all()
    indexes: set[int] = set()
    for number in chunks:
        need_it = (index for index, first, end in parts if first <= number < end)
        indexes.update(islice(need_it, NEIGHBOURS))
    ready = mark_ready(session, job_id, indexes) if indexes else ()
    for _ in ready[:WAKEUPS]:
        queue_wakeup(session, Task.ENCODE)


def count_encodable(session: Session, *, now: datetime) -> int:
    """Return how many parts are waiting to be encoded."""
    query = (
        select(func.count())
        .select_from(Part)
        .join(Job, Job.id == Part.job_id)
        .where(Job.state.in_(OPEN_JOBS), Job.gain_db.is_not(None))
        .where(Part.is_ready, _is_claimable(now), ~needs_unspoken())
    )
    return session.execute(query).scalar_one()


def count_encoding(session: Session, *, now: datetime) -> int:
    """Return how many parts live workers hold."""
    query = select(func.count()).where(Part.state == PartState.ENCODING, Part.lease_until > now)
    return session.execute(query).scalar_one()


def count_unstored(session: Session, job_id: str) -> int:
    """Return how many parts of a job are not stored yet."""
    query = select(func.count()).where(Part.job_id == job_id, Part.state != PartState.STORED)
    return session.execute(query).scalar_one()


def is_being_encoded(session: Session, job_id: str, *, now: datetime) -> bool:
    """Return whether a live worker holds a part of this job."""
    held = select(Part.index).where(
        Part.job_id == job_id, Part.state == PartState.ENCODING, Part.lease_until > now
    )
    return session.execute(select(held.exists())).scalar_one()


def is_unleased(now: datetime) -> ColumnElement[bool]:
    """Return the condition that nobody works on a part, or waits to try it again."""
    return or_(Part.lease_until.is_(None), Part.lease_until <= now)


def _is_claimable(now: datetime) -> ColumnElement[bool]:
    return and_(Part.state.in_((PartState.PENDING, PartState.ENCODING)), is_unleased(now))


def _is_ours(claim: PartClaim) -> tuple[ColumnElement[bool], ...]:
    return (
        Part.index == claim.index,
        Part.fence == claim.fence,
        Part.state == PartState.ENCODING,
    )
