"""The tables of jobs. Every row has an owner; states and moves are in narration.jobs.states."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from narration.database import (
    DIGEST,
    ID,
    OWNER,
    Base,
    BigCount,
    BigKey,
    CurrentTransaction,
    JsonColumn,
    StoredAs,
    UtcDateTime,
    state_column,
)
from narration.engine import EngineIdentity
from narration.findings import Finding
from narration.jobs.job_error import JobError
from narration.jobs.planned import PlannedChapter
from narration.jobs.reading_record import JobWarning, ReadingRecord
from narration.jobs.states import ChunkState, JobKind, JobState, PartState, SegmentState
from narration.jobs.work import WorkRecord

FINDINGS = StoredAs(tuple[Finding, ...])
_ENGINES = StoredAs(tuple[EngineIdentity, ...])
_WARNINGS = StoredAs(tuple[JobWarning, ...])
_CHAPTERS = StoredAs(tuple[PlannedChapter, ...])
WITH_KEY: dict[str, Any] = dict.fromkeys(
    ("postgresql_where", "sqlite_where"), text("key_id IS NOT NULL")
)


def _job_key() -> Mapped[str]:
    return mapped_column(ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)


class Job(Base):
    """One request to narrate one document."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key"),
        Index("ix_jobs_state_lease_until", "state", "lease_until"),
        Index("ix_jobs_owner_id", "owner", "id"),
        Index("ix_jobs_expires_at", "expires_at"),
        Index("ix_jobs_revision_of", "revision_of"),
        Index("ix_jobs_key_id_state", "key_id", "state", **WITH_KEY),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    # The key that submitted it; None for a key of the environment.
    key_id: Mapped[str | None] = mapped_column(ID)
    kind: Mapped[JobKind] = mapped_column(
        state_column(JobKind), default=JobKind.NARRATION, server_default=JobKind.NARRATION.value
    )
    state: Mapped[JobState] = mapped_column(state_column(JobState))
    priority: Mapped[int]
    settings: Mapped[dict[str, Any]] = mapped_column(JsonColumn)  # JobSettings
    labels: Mapped[dict[str, str]] = mapped_column(JsonColumn)
    # The speaker, decided at submission: the id of one of the owner's voices, or the name of a
    # voice stored with the model. None in old jobs: looked up by the name in their settings.
    voice: Mapped[str | None] = mapped_column(String(64))
    title: Mapped[str | None]
    author: Mapped[str | None]

    # The document: small ones are stored in the row, larger ones in the object store.
    source: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    source_key: Mapped[str | None]
    source_name: Mapped[str]
    source_media_type: Mapped[str]
    source_size_bytes: Mapped[int] = mapped_column(BigCount)
    source_sha256: Mapped[str] = mapped_column(DIGEST)

    destination_profile: Mapped[str] = mapped_column(String(64))
    destination_prefix: Mapped[str]
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_sha256: Mapped[str | None] = mapped_column(DIGEST)

    # The worker that plans or assembles it now. `lease_until` without a holder: not before then.
    attempt: Mapped[int] = mapped_column(default=1)
    fence: Mapped[int] = mapped_column(default=0)
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)  # of the present step
    # When a segment was last claimed.
    served_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    announce_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # not before this time again

    characters: Mapped[int] = mapped_column(default=0)
    # Their number, which is also the number of the last one.
    events: Mapped[int] = mapped_column(default=0, server_default="0")
    chunks_total: Mapped[int] = mapped_column(default=0)
    chunks_done: Mapped[int] = mapped_column(default=0)  # accepted, flagged and failed
    chunks_cached: Mapped[int] = mapped_column(default=0)
    chunks_flagged: Mapped[int] = mapped_column(default=0)
    chunks_failed: Mapped[int] = mapped_column(default=0)
    characters_done: Mapped[int] = mapped_column(default=0)
    audio_ms: Mapped[int] = mapped_column(BigCount, default=0)

    # What produced the sound: see narration.jobs.takes.record_provenance.
    voice_digest: Mapped[str | None] = mapped_column(DIGEST)
    engines: Mapped[tuple[EngineIdentity, ...]] = mapped_column(_ENGINES, default=())
    gain_db: Mapped[float | None]  # of the voice; None until something is spoken
    # It was delivered with this gain.
    is_gain_kept: Mapped[bool] = mapped_column(default=False, server_default=false())

    # The delivery in progress, or the last one; each mending of a delivered job starts the next.
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    revision_of: Mapped[str | None] = mapped_column(ID)  # the job whose text this one changes
    # When it was last reopened for mending.
    reopened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Warnings from planning. None before it, and in old jobs.
    warnings: Mapped[tuple[JobWarning, ...] | None] = mapped_column(_WARNINGS)

    error: Mapped[JobError | None] = mapped_column(StoredAs(JobError))
    # The problem it currently waits for somebody to fix: see narration.jobs.trouble.
    trouble_code: Mapped[str | None] = mapped_column(String(32))
    trouble_detail: Mapped[str | None]
    trouble_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    planned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rendered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deadline_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobPlan(Base):
    """A job's plan without its chunks: the chapters, and what became of every character."""

    __tablename__ = "plans"

    job_id: Mapped[str] = _job_key()
    owner: Mapped[str] = mapped_column(OWNER)
    characters: Mapped[int]  # of the source, as counted by the offsets of chunks and spans
    chapters: Mapped[tuple[PlannedChapter, ...]] = mapped_column(_CHAPTERS)
    # Every character of the source: [kind, start, end, chunk number or reason].
    spans: Mapped[list[list[Any]]] = mapped_column(JsonColumn)
    reading: Mapped[ReadingRecord | None] = mapped_column(StoredAs(ReadingRecord))
    work: Mapped[WorkRecord | None] = mapped_column(StoredAs(WorkRecord))


class Segment(Base):
    """Consecutive chunks of a job: what a GPU worker claims as one unit."""

    __tablename__ = "segments"
    __table_args__ = (Index("ix_segments_state_lease_until", "state", "lease_until"),)

    job_id: Mapped[str] = _job_key()
    index: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    state: Mapped[SegmentState] = mapped_column(state_column(SegmentState))
    fence: Mapped[int] = mapped_column(default=0)
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)  # claims since the last finished chunk
    losses: Mapped[int] = mapped_column(default=0)  # leases that expired


class Chunk(Base):
    """What is spoken in one model call, and its result."""

    __tablename__ = "chunks"
    __table_args__ = (
        Index("ix_chunks_job_id_segment", "job_id", "segment"),
        Index("ix_chunks_job_id_state", "job_id", "state"),
        Index("ix_chunks_sha256", "sha256"),
    )

    job_id: Mapped[str] = _job_key()
    index: Mapped[int] = mapped_column(primary_key=True)
    segment: Mapped[int]
    owner: Mapped[str] = mapped_column(OWNER)
    state: Mapped[ChunkState] = mapped_column(state_column(ChunkState))
    chapter: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    text: Mapped[str]
    caption: Mapped[str]
    spoken_text: Mapped[str]
    planned_text: Mapped[str | None]  # the planned text, if it was corrected
    # Voicing, if the chunk has its own.
    voicing: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    pause_after_ms: Mapped[int]
    # Findings on the text alone: see narration.text.findings. They apply to every take.
    text_findings: Mapped[tuple[Finding, ...] | None] = mapped_column(FINDINGS)
    # A retried job does not repeat takes that failed.
    first_take: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)  # workers lost while it was in flight
    take: Mapped[int | None]
    seed: Mapped[int | None] = mapped_column(BigCount)
    cache_key: Mapped[str | None] = mapped_column(DIGEST)
    sha256: Mapped[str | None] = mapped_column(DIGEST)
    samples: Mapped[int | None]
    is_watermarked: Mapped[bool] = mapped_column(default=False)
    findings: Mapped[tuple[Finding, ...]] = mapped_column(FINDINGS, default=())
    is_cached: Mapped[bool] = mapped_column(default=False)
    level: Mapped[bytes | None]  # narration.sound.take: energies and true peak; None in old takes
    error: Mapped[str | None]


class Part(Base):
    """Consecutive chunks of a job that are encoded together, in every lossy format asked for."""

    __tablename__ = "parts"
    __table_args__ = (
        Index("ix_parts_state_lease_until", "state", "lease_until"),
        Index("ix_parts_is_ready", "is_ready"),
        Index("ix_parts_job_id_needs_end", "job_id", "needs_end"),
    )

    job_id: Mapped[str] = _job_key()
    index: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    first_chunk: Mapped[int]
    end_chunk: Mapped[int]
    needs_from: Mapped[int]  # chunks that must be spoken before it can be encoded
    needs_end: Mapped[int]
    state: Mapped[PartState] = mapped_column(state_column(PartState))
    # Its chunks are spoken, and it is not stored yet. This is a column of its own because finding
    # the few such parts among the thousands of a long book takes Postgres too long otherwise.
    is_ready: Mapped[bool] = mapped_column(default=False, server_default=false())
    fence: Mapped[int] = mapped_column(default=0)
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)

    # Its AAC for listeners: see narration.jobs.part_sound. None until it is encoded.
    audio_sha256: Mapped[str | None] = mapped_column(DIGEST)
    audio_samples: Mapped[int | None] = mapped_column(BigCount)
    audio_packets: Mapped[int | None]
    ends_run: Mapped[bool | None]


class Artifact(Base):
    """A file delivered to the destination."""

    __tablename__ = "artifacts"

    job_id: Mapped[str] = _job_key()
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    key: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigCount)
    sha256: Mapped[str] = mapped_column(DIGEST)
    duration_ms: Mapped[int | None] = mapped_column(BigCount)
    revision: Mapped[int] = mapped_column(server_default="1")


class Event(Base):
    """A change to a job, for subscribers; it outlives the job."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("job_id", "number"),
        Index("ix_events_owner_transaction_id", "owner", "transaction", "id"),
        Index("ix_events_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    # No foreign key: the deletion of a job is an event, too.
    job_id: Mapped[str] = mapped_column(ID)
    number: Mapped[int]  # counts from 1 within the job, without a gap
    owner: Mapped[str] = mapped_column(OWNER)
    type: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Ids are assigned before the commit, so readers cannot resume by id across jobs.
    transaction: Mapped[int] = mapped_column(BigCount, server_default=CurrentTransaction())
