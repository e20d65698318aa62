"""The tables of voices: those made from recordings with their states, and how loud voices are."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Index,
    String,
    UniqueConstraint,
)
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
from narration.sound.gain import VoiceLevel


class VoiceState(StrEnum):
    """preparing → ready | failed → deleted, until no job under way speaks with it."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"


class Voice(Base):
    """A voice made from an uploaded recording."""

    __tablename__ = "voices"
    __table_args__ = (
        UniqueConstraint("owner", "name"),
        Index("ix_voices_state_lease_until", "state", "lease_until"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    name: Mapped[str] = mapped_column(String(64))
    state: Mapped[VoiceState] = mapped_column(state_column(VoiceState))
    recording_key: Mapped[str]
    recording_sha256: Mapped[str] = mapped_column(DIGEST)
    recording_size_bytes: Mapped[int] = mapped_column(BigCount)
    duration_s: Mapped[float]
    conditioning_key: Mapped[str | None]
    digest: Mapped[str | None] = mapped_column(DIGEST)
    error: Mapped[str | None]
    # Noted by its owner, see narration.voices.notes.
    tags: Mapped[list[str] | None] = mapped_column(JsonColumn)
    delivery: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    consent: Mapped[str | None]
    # Of a sentence spoken with it and its recording: the cosine of what identifies a speaker.
    similarity: Mapped[float | None]
    tries: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VoiceLevelRow(Base):
    """How loud an engine speaks with a voice: digest of both -> what was measured."""

    __tablename__ = "voice_levels"

    owner: Mapped[str] = mapped_column(OWNER, primary_key=True)  # empty: a voice of the model
    key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    voice_digest: Mapped[str] = mapped_column(DIGEST)
    level: Mapped[VoiceLevel | None] = mapped_column(StoredAs(VoiceLevel))  # None: it was silent
    measured_at: Mapped[datetime] = mapped_column(UtcDateTime)
