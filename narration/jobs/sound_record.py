"""The tables of sound that jobs share: cached takes and encoded parts."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from narration.database import DIGEST, OWNER, Base, BigCount, UtcDateTime
from narration.findings import Finding
from narration.jobs.record import FINDINGS


class PartAudio(Base):
    """Encoded parts: digest of all that determines them -> SHA-256 of the bytes, or a level."""

    __tablename__ = "part_audio"
    __table_args__ = (
        Index("ix_part_audio_used_at", "used_at"),
        Index("ix_part_audio_sha256", "sha256"),
    )

    owner: Mapped[str] = mapped_column(OWNER, primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    sha256: Mapped[str | None] = mapped_column(DIGEST)  # of packets in one format
    size_bytes: Mapped[int] = mapped_column(BigCount)
    level: Mapped[bytes | None]  # of the part's takes after gain and limiter
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChunkAudio(Base):
    """The chunk cache: digest of all that determines the sound -> SHA-256 of the sound."""

    __tablename__ = "chunk_audio"
    __table_args__ = (
        Index("ix_chunk_audio_used_at", "used_at"),
        Index("ix_chunk_audio_sha256", "sha256"),
    )

    owner: Mapped[str] = mapped_column(OWNER, primary_key=True)
    cache_key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    sha256: Mapped[str] = mapped_column(DIGEST)
    samples: Mapped[int]
    is_watermarked: Mapped[bool]
    findings: Mapped[tuple[Finding, ...]] = mapped_column(FINDINGS)
    level: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)
