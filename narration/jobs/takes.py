"""A finished chunk: its cache row, the job's progress, and whether to go on; one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.engine import EngineIdentity
from narration.errors import ConflictError, LeaseLost, NotFoundError
from narration.findings import Finding, dump_findings, load_findings
from narration.jobs.counters import SAMPLES_PER_MS
from narration.jobs.parts import note_ready_parts
from narration.jobs.past_takes import add_past_take
from narration.jobs.record import Chunk, ChunkAudio, Job, Segment
from narration.jobs.request import Voicing
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.states import UNSPOKEN, ChunkState, JobState, SegmentState
from narration.jobs.stored import dump_voicing
from narration.jobs.transitions import end_chunks
from narration.jobs.trouble import UNTROUBLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One spoken take of a chunk: the digest of what shaped it, and where its sound lies."""

    cache_key: str
    sha256: str
    samples: int
    is_watermarked: bool
    findings: tuple[Finding, ...]  # empty: the checks passed
    level: bytes | None = None  # energies and true peak; None only of old takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a chunk: the take that was kept, or the error."""

    index: int
    state: ChunkState
    take_number: int
    seed: int
    take: Take | None = None
    is_cached: bool = False
    error: str | None = None
    text_findings: tuple[Finding, ...] = ()  # known before it was spoken

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that is wrong with the chunk as it was spoken."""
        return (*self.text_findings, *(self.take.findings if self.take else ()))


def find_takes(
    session: Session, owner: str, cache_keys: Iterable[str], *, now: datetime
) -> dict[str, Take]:
    """Return the takes that have been spoken before, by cache key, and mark them as used."""
    rows = session.scalars(
        update(ChunkAudio)
        .where(ChunkAudio.owner == owner, ChunkAudio.cache_key.in_(list(cache_keys)))
        .values(used_at=now)
        .returning(ChunkAudio)
    )
    return {row.cache_key: _take_of(row) for row in rows}


def store_take(session: Session, owner: str, take: Take, *, now: datetime) -> None:
    """Note that a take was spoken; the first to say so wins, but a level is filled in."""
    row = {
        "owner": owner,
        "cache_key": take.cache_key,
        "sha256": take.sha256,
        "samples": take.samples,
        "is_watermarked": take.is_watermarked,
        "findings": dump_findings(take.findings),
        "level": take.level,
        "created_at": now,
        "used_at": now,
    }
    insert = _insert(session).values(**row)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["owner", "cache_key"],
            set_={"level": insert.excluded.level},
            where=ChunkAudio.level.is_(None) & (ChunkAudio.sha256 == take.sha256),
        )
    )


def note_passed_take(
    session: Session, claim: SegmentClaim, outcome: Outcome, *, spoken_text: str, voicing: Voicing
) -> None:
    """Write down a take that was passed over: somebody may listen to it, and choose it.

    Raises: LeaseLost if the job was deleted meanwhile.
    """
    take = outcome.take
    assert take is not None
    # Locked: of two workers that both believe they have the segment, one writes after the other.
    is_it = (Chunk.job_id == claim.job_id, Chunk.index == outcome.index)
    if session.scalar(select(Chunk.index).where(*is_it).with_for_update()) is None:
        raise LeaseLost(f"job {claim.job_id} was deleted")
    values = {
        "owner": claim.owner,
        "spoken_text": spoken_text,
        "voicing": dump_voicing(voicing),
        "seed": outcome.seed,
        "cache_key": take.cache_key,
        "sha256": take.sha256,
        "samples": take.samples,
        "is_watermarked": take.is_watermarked,
        "level": take.level,
        "findings": dump_findings(take.findings),
    }
    add_past_take(session, claim.job_id, outcome.index, outcome.take_number, values)


def checkpoint(
    session: Session, claim: SegmentClaim, outcome: Outcome, *, until: datetime, now: datetime
) -> bool:
    """Write a chunk's outcome and keep the lease; False if the job is not wanted any more.

    Raises: LeaseLost, and nothing is written.
    """
    renewed = session.execute(
        update(Segment)
        .where(Segment.job_id == claim.job_id, Segment.index == claim.index)
        .where(Segment.fence == claim.fence, Segment.state == SegmentState.RENDERING)
        .values(lease_until=until, tries=0)
        .returning(Segment.index),
        execution_options=UNSYNCHRONIZED,
    )
    if renewed.first() is None:
        raise LeaseLost(f"segment {claim.index} of job {claim.job_id} is no longer ours")
    if outcome.take is not None:
        store_take(session, claim.owner, outcome.take, now=now)
    _write_outcome(session, claim, outcome, now=now)
    state = session.execute(select(Job.state).where(Job.id == claim.job_id)).scalar_one_or_none()
    return state == JobState.RENDERING


def record_provenance(
    session: Session,
    job_id: str,
    *,
    engine: EngineIdentity,
    voice_digest: str,
    gain_db: float | None,
) -> None:
    """Remember the voice, its gain and the engine a segment is spoken with.

    Raises: ConflictError if the job began with another voice: one book, one voice.
    """
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None:
        raise NotFoundError(f"there is no job {job_id}")
    if job.voice_digest not in (None, voice_digest):
        raise ConflictError(
            f"voice {job.settings['voice']!r} was replaced while the job ran: submit it again"
        )
    job.voice_digest = voice_digest
    if job.gain_db is None:  # decided once: what is encoded already has it
        job.gain_db = gain_db
    if engine.describe() not in job.engines:
        job.engines = [*job.engines, engine.describe()]
    session.flush()


def note_level(session: Session, chunk: Chunk, level: bytes) -> None:
    """Add its level to a take that was spoken before levels were kept."""
    for table in (Chunk, ChunkAudio):
        is_it = (table.owner == chunk.owner, table.sha256 == chunk.sha256, table.level.is_(None))
        session.execute(update(table).where(*is_it).values(level=level))


def _write_outcome(
    session: Session, claim: SegmentClaim, outcome: Outcome, *, now: datetime
) -> None:
    take = outcome.take
    samples = take.samples if take else 0
    length = (
        select(Chunk.end - Chunk.start)
        .where(Chunk.job_id == claim.job_id, Chunk.index == outcome.index)
        .scalar_subquery()
    )
    end_chunks(
        session,
        claim.job_id,
        outcome.state,
        Chunk.index == outcome.index,
        Chunk.state.in_(UNSPOKEN),
        now=now,
        payload=_payload(outcome),
        job_values={
            "chunks_done": Job.chunks_done + 1,
            "chunks_cached": Job.chunks_cached + int(outcome.is_cached),
            "chunks_flagged": Job.chunks_flagged + int(outcome.state is ChunkState.FLAGGED),
            "chunks_failed": Job.chunks_failed + int(outcome.state is ChunkState.FAILED),
            "characters_done": Job.characters_done + length,
            "audio_ms": Job.audio_ms + samples // SAMPLES_PER_MS,
            "updated_at": now,
            **UNTROUBLED,
        },
        take=outcome.take_number,
        seed=outcome.seed,
        cache_key=take and take.cache_key,
        sha256=take and take.sha256,
        samples=take and take.samples,
        is_watermarked=bool(take and take.is_watermarked),
        level=take and take.level,
        findings=dump_findings(outcome.findings),
        is_cached=outcome.is_cached,
        error=outcome.error,
    )
    if take is not None:
        note_ready_parts(session, claim.job_id, [outcome.index])


def _payload(outcome: Outcome) -> dict[str, Any]:
    """Return what subscribers are told of a chunk that has ended."""
    take = outcome.take
    return {
        "take": outcome.take_number,
        "is_cached": outcome.is_cached,
        "audio_ms": take.samples // SAMPLES_PER_MS if take else 0,
        "flags": [finding.flag for finding in outcome.findings],
        **({"error": outcome.error} if outcome.error else {}),
    }


def _take_of(row: ChunkAudio) -> Take:
    return Take(
        cache_key=row.cache_key,
        sha256=row.sha256,
        samples=row.samples,
        is_watermarked=row.is_watermarked,
        findings=load_findings(row.findings),
        level=row.level,
    )


def _insert(session: Session) -> Any:
    table = ChunkAudio.__table__
    assert isinstance(table, Table)
    is_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgres else sqlite.insert(table)
