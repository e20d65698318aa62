"""Record finished chunks: their takes, their jobs' progress, and whether to continue.

One transaction writes many chunks, of any segments and jobs that a worker holds, because most of
the cost of writing one chunk is the transaction. A lost claim affects its own chunks only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import LeaseLost
from narration.jobs.chunk_transitions import ChunkEnd, ChunkKey, end_spoken_chunks
from narration.jobs.counters import SAMPLES_PER_MS
from narration.jobs.events import NewEvent, add_events
from narration.jobs.parts import wake_encoders
from narration.jobs.record import Job, Segment
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.jobs.takes import Outcome, store_takes
from narration.jobs.trouble import UNTROUBLED


class Standing(Enum):
    """What a worker learns about its segment when it tries to write a finished chunk."""

    WANTED = "wanted"
    UNWANTED = "unwanted"  # written, but the job is no longer being rendered
    LOST = "lost"  # not written: another worker has the segment


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedChunk:
    """A finished chunk, and the claim under which it was spoken."""

    claim: SegmentClaim
    outcome: Outcome

    @property
    def key(self) -> ChunkKey:
        """Identify the chunk."""
        return self.claim.job_id, self.outcome.index


def checkpoint(
    session: Session, claim: SegmentClaim, outcome: Outcome, *, until: datetime, now: datetime
) -> bool:
    """Write a chunk's outcome and renew the lease; False if the job is no longer wanted.

    Raises: LeaseLost, and nothing is written.
    """
    chunk = FinishedChunk(claim=claim, outcome=outcome)
    (standing,) = checkpoint_all(session, [chunk], until=until, now=now)
    if standing is Standing.LOST:
        raise lease_lost(claim)
    return standing is Standing.WANTED


def checkpoint_all(
    session: Session, chunks: Sequence[FinishedChunk], *, until: datetime, now: datetime
) -> list[Standing]:
    """Write the outcomes of chunks and renew their leases; return each chunk's standing."""
    held_keys = _renew(session, {_claim_key(chunk.claim) for chunk in chunks}, until)
    ours = [chunk for chunk in chunks if _claim_key(chunk.claim) in held_keys]
    store_takes(session, _takes_of(ours), now=now)
    lengths = end_spoken_chunks(session, [_end_of(chunk) for chunk in ours])
    by_job: dict[str, dict[int, FinishedChunk]] = defaultdict(dict)
    for chunk in ours:
        if chunk.key in lengths:
            by_job[chunk.claim.job_id].setdefault(chunk.outcome.index, chunk)
    # Sorted, so that rows are always locked in the same order.
    for job_id, ended in sorted(by_job.items()):
        outcomes = [chunk.outcome for chunk in ended.values()]
        characters = sum(lengths[chunk.key] for chunk in ended.values())
        _count(session, job_id, outcomes, characters, now=now)
    rendering = _rendering(session, {chunk.claim.job_id for chunk in ours})
    return [_standing(chunk.claim, held_keys, rendering) for chunk in chunks]


def lease_lost(claim: SegmentClaim) -> LeaseLost:
    """Return the error for a segment that this worker no longer holds."""
    return LeaseLost(f"segment {claim.index} of job {claim.job_id} is no longer ours")


_ClaimKey = tuple[str, int, int]


def _claim_key(claim: SegmentClaim) -> _ClaimKey:
    return claim.job_id, claim.index, claim.fence


def _renew(session: Session, keys: Iterable[_ClaimKey], until: datetime) -> set[_ClaimKey]:
    """Renew the leases that are still ours; return those."""
    columns = (Segment.job_id, Segment.index, Segment.fence)
    renewed = session.execute(
        update(Segment)
        .where(tuple_(*columns).in_(sorted(keys)), Segment.state == SegmentState.RENDERING)
        .values(lease_until=until, tries=0)
        .returning(*columns),
        execution_options=UNSYNCHRONIZED,
    )
    return {(job_id, index, fence) for job_id, index, fence in renewed}


def _takes_of(chunks: Iterable[FinishedChunk]) -> list[tuple[str, Any]]:
    """Return the takes that are not in the chunk cache yet, with their owners."""
    return [
        (chunk.claim.owner, chunk.outcome.take)
        for chunk in chunks
        if chunk.outcome.take is not None and not chunk.outcome.is_cached
    ]


def _end_of(chunk: FinishedChunk) -> ChunkEnd:
    outcome = chunk.outcome
    take = outcome.take
    values: Mapping[str, Any] = {
        "take": outcome.take_number,
        "seed": outcome.seed,
        "cache_key": take and take.cache_key,
        "sha256": take and take.sha256,
        "samples": take and take.samples,
        "is_watermarked": bool(take and take.is_watermarked),
        "level": take and take.level,
        "findings": outcome.findings,
        "is_cached": outcome.is_cached,
        "error": outcome.error,
    }
    job_id = chunk.claim.job_id
    return ChunkEnd(job_id=job_id, index=outcome.index, state=outcome.state, values=values)


def _count(
    session: Session, job_id: str, outcomes: Sequence[Outcome], characters: int, *, now: datetime
) -> None:
    """Count finished chunks in their job's row, write their events, and wake encoders."""

    def count(state: ChunkState) -> int:
        return sum(outcome.state is state for outcome in outcomes)

    add_events(
        session,
        job_id,
        [_event(outcome) for outcome in outcomes],
        now=now,
        chunks_done=Job.chunks_done + len(outcomes),
        chunks_cached=Job.chunks_cached + sum(outcome.is_cached for outcome in outcomes),
        chunks_flagged=Job.chunks_flagged + count(ChunkState.FLAGGED),
        chunks_failed=Job.chunks_failed + count(ChunkState.FAILED),
        characters_done=Job.characters_done + characters,
        audio_ms=Job.audio_ms + sum(map(_audio_ms, outcomes)),
        updated_at=now,
        **UNTROUBLED,
    )
    # Only after the job row is locked: when two workers finish the last chunks of a part, the
    # second must see what the first wrote.
    wake_encoders(session, job_id, [outcome.index for outcome in outcomes if outcome.take])


def _event(outcome: Outcome) -> NewEvent:
    """Return the event for a finished chunk."""
    payload = {
        "chunk": outcome.index,
        "take": outcome.take_number,
        "is_cached": outcome.is_cached,
        "audio_ms": _audio_ms(outcome),
        "flags": [finding.flag for finding in outcome.findings],
        **({"error": outcome.error} if outcome.error else {}),
    }
    return NewEvent(type=f"chunk.{outcome.state.value}", payload=payload)


def _audio_ms(outcome: Outcome) -> int:
    return outcome.take.samples // SAMPLES_PER_MS if outcome.take else 0


def _rendering(session: Session, job_ids: Iterable[str]) -> set[str]:
    query = select(Job.id).where(Job.id.in_(sorted(job_ids)), Job.state == JobState.RENDERING)
    return set(session.scalars(query))


def _standing(claim: SegmentClaim, held_keys: set[_ClaimKey], rendering: set[str]) -> Standing:
    if _claim_key(claim) not in held_keys:
        return Standing.LOST
    return Standing.WANTED if claim.job_id in rendering else Standing.UNWANTED
