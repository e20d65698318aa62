"""The tables of voices: voices made from recordings with their states, and voice levels."""

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
    """preparing → ready | failed → deleted; deleted rows remain until no active job uses them."""

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
    # Set by the owner: see narration.voices.notes.
    tags: Mapped[list[str] | None] = mapped_column(JsonColumn)
    delivery: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    consent: Mapped[str | None]
    # Cosine of the speaker embeddings of the recording and of a sentence spoken with the voice.
    similarity: Mapped[float | None]
    tries: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VoiceLevelRow(Base):
    """The level at which an engine speaks with a voice, by the digest of both."""

    __tablename__ = "voice_levels"

    # Empty: a voice stored with the model.
    owner: Mapped[str] = mapped_column(OWNER, primary_key=True)
    key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    voice_digest: Mapped[str] = mapped_column(DIGEST)
    level: Mapped[VoiceLevel | None] = mapped_column(StoredAs(VoiceLevel))  # None: it was silent
    measured_at: Mapped[datetime] = mapped_column(UtcDateTime)
