"""End segments whose chunks are all in the cache, many at once.

Nothing in them needs speaking, yet each by itself would cost a claim, a transaction and a slot in a
worker. For a book in which one sentence has changed, that is nearly all of the time.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.jobs.advance import advance_if_rendered
from narration.jobs.checkpoints import FinishedChunk, Standing, checkpoint_all
from narration.jobs.record import Chunk, Job, Segment
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.segment_transitions import move_segments
from narration.jobs.states import UNSPOKEN, ChunkState, JobState, SegmentState
from narration.jobs.takes import Outcome


def untouched_segments(
    session: Session, job_id: str, *, after: int, most: int, now: datetime
) -> dict[int, list[Chunk]]:
    """Return the pending chunks of segments that no worker holds, and none was lost with.

    At most `most` segments, starting with the first one after number `after`.
    """
    segments = (
        select(Segment.index)
        .where(Segment.job_id == job_id, Segment.index > after, _is_untouched(now))
        .order_by(Segment.index)
        .limit(most)
    )
    query = (
        select(Chunk)
        .where(Chunk.job_id == job_id, Chunk.state.in_(UNSPOKEN))
        .where(Chunk.segment.in_(list(session.scalars(segments))))
        .order_by(Chunk.index)
    )
    chunks: dict[int, list[Chunk]] = defaultdict(list)
    for chunk in session.scalars(query):
        chunks[chunk.segment].append(chunk)
    return dict(chunks)


def claim_reused(
    session: Session,
    job_id: str,
    indexes: Collection[int],
    *,
    holder: str,
    until: datetime,
    now: datetime,
) -> list[SegmentClaim]:
    """Claim those segments that are still untouched, if the job is still being rendered.

    From then on, only segments with something to speak are left for others to claim.
    """
    if not _lock_if_rendering(session, job_id):
        return []
    return _claim_all(session, job_id, indexes, holder=holder, until=until, now=now)


def finish_reused(
    session: Session,
    claims: Sequence[SegmentClaim],
    outcomes: Mapping[int, Sequence[Outcome]],
    *,
    until: datetime,
    now: datetime,
) -> list[int]:
    """End claimed segments of one job with the outcomes of all their chunks; return which.

    Segments that another worker has by now are left out. Nothing is written if the job is no longer
    being rendered.
    """
    job_id = claims[0].job_id
    if not _lock_if_rendering(session, job_id):
        return []
    finished = [
        FinishedChunk(claim=claim, outcome=outcome)
        for claim in claims
        for outcome in outcomes[claim.index]
    ]
    standings = checkpoint_all(session, finished, until=until, now=now)
    held = {
        chunk.claim.index
        for chunk, standing in zip(finished, standings, strict=True)
        if standing is not Standing.LOST
    }
    if held:
        _end(session, job_id, held, now=now)
        advance_if_rendered(session, job_id, now=now)
    return sorted(held)


def _lock_if_rendering(session: Session, job_id: str) -> bool:
    """Lock the job row first, as where chunks are reset, so that none is reset meanwhile."""
    is_rendering = (Job.id == job_id, Job.state == JobState.RENDERING)
    return session.scalar(select(Job.id).where(*is_rendering).with_for_update()) is not None


def _end(session: Session, job_id: str, indexes: Collection[int], *, now: datetime) -> None:
    """End segments by the states of their chunks; a segment with a reset chunk opens again."""
    states = session.execute(
        select(Chunk.segment, Chunk.state)
        .where(Chunk.job_id == job_id, Chunk.segment.in_(indexes))
        .where(Chunk.state.in_((*UNSPOKEN, ChunkState.FAILED)))
        .distinct()
    ).all()
    unfinished = {segment for segment, state in states if state in UNSPOKEN}
    failed = {segment for segment, state in states if state is ChunkState.FAILED} - unfinished
    free = {"lease_holder": None, "lease_until": None}
    for target, ended in (
        (SegmentState.PENDING, unfinished),
        (SegmentState.FAILED, failed),
        (SegmentState.DONE, set(indexes) - unfinished - failed),
    ):
        if ended:
            move_segments(session, job_id, target, Segment.index.in_(ended), now=now, **free)
    for _ in unfinished:
        queue_wakeup(session, Task.RENDER)


def _claim_all(
    session: Session,
    job_id: str,
    indexes: Collection[int],
    *,
    holder: str,
    until: datetime,
    now: datetime,
) -> list[SegmentClaim]:
    untouched = (
        select(Segment.index)
        .where(Segment.job_id == job_id, Segment.index.in_(indexes), _is_untouched(now))
        .order_by(Segment.index)
        .with_for_update(skip_locked=True)
    )
    claimed = move_segments(
        session,
        job_id,
        SegmentState.RENDERING,
        Segment.index.in_(list(session.scalars(untouched))),
        _is_untouched(now),
        now=now,
        fence=Segment.fence + 1,
        lease_holder=holder,
        lease_until=until,
    )
    return [
        SegmentClaim(
            job_id=job_id,
            index=segment.index,
            owner=segment.owner,
            fence=segment.fence,
            tries=segment.tries,
            losses=segment.losses,
            is_suspect=False,
        )
        for segment in claimed
    ]


def _is_untouched(now: datetime) -> ColumnElement[bool]:
    return and_(
        Segment.state == SegmentState.PENDING,
        Segment.losses == 0,
        or_(Segment.lease_until.is_(None), Segment.lease_until <= now),
    )
