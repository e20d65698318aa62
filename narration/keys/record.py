"""The tables of keys: keys, the browsers signed in with them, and past usage."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from narration.database import DIGEST, ID, OWNER, Base, BigCount, JsonColumn, UtcDateTime
from narration.keys.scopes import KeyLimits, Scope

DAY = String(10)  # as 2026-11-29
NAME = String(64)


class ApiKey(Base):
    """A key of an owner; it stays after it is revoked, so that callers get a clear error."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_owner_id", "owner", "id"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    name: Mapped[str] = mapped_column(NAME)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)  # see narration.keys.secret
    scopes: Mapped[list[str]] = mapped_column(JsonColumn)
    requests_a_minute: Mapped[int | None]
    queued_jobs: Mapped[int | None]
    characters_a_day: Mapped[int | None] = mapped_column(BigCount)
    streams: Mapped[int | None]
    # What was submitted on its last day with a limit: one row to update, however many jobs.
    counted_day: Mapped[str | None] = mapped_column(DAY)
    counted_characters: Mapped[int] = mapped_column(BigCount, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def granted(self) -> frozenset[Scope]:
        """Its scopes; ones that only a newer release knows are ignored."""
        return frozenset(scope for scope in Scope if scope in self.scopes)

    @property
    def limits(self) -> KeyLimits:
        """Its own limits."""
        return KeyLimits(
            requests_a_minute=self.requests_a_minute,
            queued_jobs=self.queued_jobs,
            characters_a_day=self.characters_a_day,
            streams=self.streams,
        )


class ApiSession(Base):
    """A browser signed in with a key; it has its own secret, and ends with the key."""

    __tablename__ = "api_sessions"
    __table_args__ = (
        Index("ix_api_sessions_key_id_id", "key_id", "id"),
        Index("ix_api_sessions_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key_id: Mapped[str] = mapped_column(ID, ForeignKey("api_keys.id", ondelete="CASCADE"))
    owner: Mapped[str] = mapped_column(OWNER)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UsageDay(Base):
    """The usage of a day's deleted jobs; that of existing jobs is computed from their rows."""

    __tablename__ = "usage_days"

    owner: Mapped[str] = mapped_column(OWNER, primary_key=True)
    key_id: Mapped[str] = mapped_column(ID, primary_key=True)  # "" for keys of the environment
    day: Mapped[str] = mapped_column(DAY, primary_key=True)
    jobs: Mapped[int] = mapped_column(server_default="0")
    characters: Mapped[int] = mapped_column(BigCount, server_default="0")
    audio_ms: Mapped[int] = mapped_column(BigCount, server_default="0")
