"""The history tables: ended attempts, takes that were not kept, replaced deliveries.

The kept take and the latest delivery are in the rows of chunks and artifacts.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from narration.database import (
    DIGEST,
    ID,
    OWNER,
    Base,
    BigCount,
    JsonColumn,
    StoredAs,
    UtcDateTime,
    state_column,
)
from narration.findings import Finding
from narration.jobs.job_error import JobError
from narration.jobs.states import JobState


class Attempt(Base):
    """An ended attempt at a job; the current attempt is the job row itself."""

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(
        ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    state: Mapped[JobState] = mapped_column(state_column(JobState))
    error: Mapped[JobError | None] = mapped_column(StoredAs(JobError))
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PastTake(Base):
    """A take of a chunk other than the kept one; it can still be played and chosen."""

    __tablename__ = "past_takes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["job_id", "chunk"], ["chunks.job_id", "chunks.index"], ondelete="CASCADE"
        ),
        Index("ix_past_takes_sha256", "sha256"),
    )

    job_id: Mapped[str] = mapped_column(ID, primary_key=True)
    chunk: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    spoken_text: Mapped[str]
    voicing: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    seed: Mapped[int] = mapped_column(BigCount)
    cache_key: Mapped[str] = mapped_column(DIGEST)
    sha256: Mapped[str] = mapped_column(DIGEST)
    samples: Mapped[int]
    is_watermarked: Mapped[bool]
    findings: Mapped[tuple[Finding, ...]] = mapped_column(StoredAs(tuple[Finding, ...]))
    level: Mapped[bytes | None]


class PastArtifact(Base):
    """A file of a delivery that a later one replaced."""

    __tablename__ = "past_artifacts"

    job_id: Mapped[str] = mapped_column(
        ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    key: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigCount)
    sha256: Mapped[str] = mapped_column(DIGEST)
    duration_ms: Mapped[int | None] = mapped_column(BigCount)
    replaced_at: Mapped[datetime] = mapped_column(UtcDateTime)
