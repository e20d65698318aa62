"""Takes of chunks: looked up in the cache and stored there; and what a job was spoken with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.engine import EngineIdentity
from narration.errors import ConflictError, LeaseLost, NotFoundError
from narration.findings import Finding
from narration.jobs.past_takes import add_past_take
from narration.jobs.record import Chunk, Job
from narration.jobs.request import Voicing
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.sound_record import ChunkAudio
from narration.jobs.states import ChunkState
from narration.jobs.stored import dump_voicing

MARKED_AGAIN_AFTER = timedelta(hours=1)
_TAKE_COLUMNS = (
    ChunkAudio.cache_key,
    ChunkAudio.sha256,
    ChunkAudio.samples,
    ChunkAudio.is_watermarked,
    ChunkAudio.findings,
    ChunkAudio.level,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A spoken take of a chunk: the digest of what determines it, and where its sound is."""

    cache_key: str
    sha256: str
    samples: int
    is_watermarked: bool
    findings: tuple[Finding, ...]  # empty: the checks passed
    level: bytes | None = None  # energies and true peak; None only in old takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a chunk: the take that was kept, or the error."""

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
        """Everything that is wrong with the chunk as it was spoken."""
        return (*self.text_findings, *(self.take.findings if self.take else ()))


def has_takes(session: Session, owner: str, cache_keys: Iterable[str]) -> bool:
    """Return whether any of these takes is cached; it may be read without a transaction."""
    is_wanted = (ChunkAudio.owner == owner, ChunkAudio.cache_key.in_(sorted(set(cache_keys))))
    cached = select(ChunkAudio.cache_key).where(*is_wanted)
    return session.execute(select(cached.exists())).scalar_one()


def find_takes(
    session: Session, owner: str, cache_keys: Iterable[str], *, now: datetime
) -> dict[str, Take]:
    """Return cached takes by cache key, and mark them as used.

    Use is recorded at most once an hour: otherwise jobs with the same text would wait for each
    other's rows.
    """
    wanted = sorted(set(cache_keys))
    is_wanted = (ChunkAudio.owner == owner, ChunkAudio.cache_key.in_(wanted))
    # Columns and no objects, which would take as long as all else for a long book.
    query = select(ChunkAudio.used_at, *_TAKE_COLUMNS).where(*is_wanted)
    rows = session.execute(query).all()
    aged_before = now - MARKED_AGAIN_AFTER
    if any(row.used_at < aged_before for row in rows):
        _mark_used(session, owner, wanted, aged_before, now=now)
        # Again: one that was deleted before it was locked cannot be used.
        rows = session.execute(query).all()
    return {row.cache_key: _take_of(row) for row in rows}


def store_take(session: Session, owner: str, take: Take, *, now: datetime) -> None:
    """Store a take; the first writer wins, but a missing level is filled in."""
    store_takes(session, [(owner, take)], now=now)


def store_takes(session: Session, takes: Iterable[tuple[str, Take]], *, now: datetime) -> None:
    """Store takes of several owners, as `store_take` does for one."""
    rows = {
        (owner, take.cache_key): {
            "owner": owner,
            "cache_key": take.cache_key,
            "sha256": take.sha256,
            "samples": take.samples,
            "is_watermarked": take.is_watermarked,
            "findings": take.findings,
            "level": take.level,
            "created_at": now,
            "used_at": now,
        }
        for owner, take in takes
    }
    if not rows:
        return
    insert = _insert(session)
    statement = insert.on_conflict_do_update(
        index_elements=["owner", "cache_key"],
        set_={"level": insert.excluded.level},
        where=ChunkAudio.level.is_(None) & (ChunkAudio.sha256 == insert.excluded.sha256),
    )
    # In a fixed order, so that two transactions never wait for each other.
    session.connection().execute(statement, [rows[key] for key in sorted(rows)])


def record_passed_take(
    session: Session, claim: SegmentClaim, outcome: Outcome, *, spoken_text: str, voicing: Voicing
) -> None:
    """Store a take that was not kept, so that a user can still play and choose it.

    Raises: LeaseLost if the job was deleted in the meantime.
    """
    take = outcome.take
    assert take is not None
    # Locked: when two workers both believe they hold the segment, one writes after the other.
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
        "findings": take.findings,
    }
    add_past_take(session, claim.job_id, outcome.index, outcome.take_number, values)


def is_recorded(
    job: Job, *, engine: EngineIdentity, voice_digest: str, gain_db: float | None
) -> bool:
    """Return whether `record_provenance` has nothing to add to a job."""
    if job.gain_db is None and gain_db is not None:
        return False
    return job.voice_digest == voice_digest and engine in job.engines


def record_provenance(
    session: Session,
    job_id: str,
    *,
    engine: EngineIdentity,
    voice_digest: str,
    gain_db: float | None,
) -> None:
    """Record the voice, its gain and the engine that a segment is spoken with.

    Raises: ConflictError if the job began with another voice: one book, one voice.
    """
    # Mostly it is recorded already. A book starts on all threads of all workers, and they would
    # wait for each other's locks.
    known = session.get(Job, job_id)
    if known is not None and is_recorded(
        known, engine=engine, voice_digest=voice_digest, gain_db=gain_db
    ):
        return
    job = session.scalar(
        select(Job)
        .where(Job.id == job_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise NotFoundError(f"there is no job {job_id}")
    if job.voice_digest not in (None, voice_digest):
        raise ConflictError(
            f"voice {job.settings['voice']!r} was replaced while the job ran: submit it again"
        )
    job.voice_digest = voice_digest
    if job.gain_db is None:  # decided once, because encoded parts already have this gain
        job.gain_db = gain_db
    if engine not in job.engines:
        job.engines = (*job.engines, engine)
    session.flush()


def store_take_level(session: Session, chunk: Chunk, level: bytes) -> None:
    """Store the level of a take from before levels were stored."""
    for table in (Chunk, ChunkAudio):
        is_it = (table.owner == chunk.owner, table.sha256 == chunk.sha256, table.level.is_(None))
        session.execute(update(table).where(*is_it).values(level=level))


def _mark_used(
    session: Session, owner: str, cache_keys: Sequence[str], aged_before: datetime, *, now: datetime
) -> None:
    is_it = (ChunkAudio.owner == owner, ChunkAudio.used_at < aged_before)
    # Locked in the order in which takes are stored, so that no two transactions deadlock.
    aged = session.scalars(
        select(ChunkAudio.cache_key)
        .where(*is_it, ChunkAudio.cache_key.in_(cache_keys))
        .order_by(ChunkAudio.cache_key)
        .with_for_update()
    ).all()
    session.execute(
        update(ChunkAudio)
        .where(ChunkAudio.owner == owner, ChunkAudio.cache_key.in_(aged))
        .values(used_at=now),
        execution_options=UNSYNCHRONIZED,
    )


def _take_of(row: Any) -> Take:
    columns = row._asdict()
    del columns["used_at"]
    return Take(**columns)


def _insert(session: Session) -> Any:
    table = ChunkAudio.__table__
    assert isinstance(table, Table)
    is_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgres else sqlite.insert(table)
