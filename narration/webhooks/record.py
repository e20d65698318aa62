"""The tables of webhooks: the endpoints, and every event delivered to one of them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from narration.database import (
    ID,
    OWNER,
    Base,
    BigCount,
    JsonColumn,
    UtcDateTime,
    state_column,
)

MAX_URL_CHARS = 2048
MAX_DESCRIPTION_CHARS = 255


class DeliveryState(StrEnum):
    """pending → delivered | failed; a replay makes it pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DisabledReason(StrEnum):
    """Why a webhook is disabled."""

    OWNER = "by_owner"
    GONE = "gone"  # the receiver answered 410
    FAILING = "failing"  # no message was accepted for days


class Webhook(Base):
    """An owner's URL that gets events. `secret` signs messages and is stored in plain text."""

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_owner_id", "owner", "id"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    key_id: Mapped[str | None] = mapped_column(ID)  # that made it; None: one of the environment
    url: Mapped[str] = mapped_column(String(MAX_URL_CHARS))
    types: Mapped[list[str]] = mapped_column(JsonColumn)  # of events to send
    description: Mapped[str] = mapped_column(String(MAX_DESCRIPTION_CHARS))
    secret: Mapped[str] = mapped_column(String(128))
    previous_secret: Mapped[str | None] = mapped_column(String(128))
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_reason: Mapped[DisabledReason | None] = mapped_column(state_column(DisabledReason))
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The position in the owner's events up to which deliveries exist: a Position.
    cursor_transaction: Mapped[int] = mapped_column(BigCount)
    cursor_id: Mapped[int] = mapped_column(BigCount)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebhookDelivery(Base):
    """One event for one webhook. `id` is the message's `webhook-id`, the same at every attempt."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "job_id", "number"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index(
            "ix_webhook_deliveries_webhook_id_state_next_attempt_at",
            "webhook_id",
            "state",
            "next_attempt_at",
        ),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ID, ForeignKey("webhooks.id", ondelete="CASCADE"))
    owner: Mapped[str] = mapped_column(OWNER)
    job_id: Mapped[str | None] = mapped_column(ID)  # None: a test
    number: Mapped[int | None]  # of the event within its job
    type: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)  # exactly the bytes that are signed
    state: Mapped[DeliveryState] = mapped_column(state_column(DeliveryState))
    attempts: Mapped[int] = mapped_column(default=0)  # since it was created or replayed
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Of the last attempt.
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    response: Mapped[str | None]  # the beginning of the receiver's answer
    took_ms: Mapped[int | None]

    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
