"""An owner's webhooks: create, change and delete them, and rotate their secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import ConflictError, NotFoundError
from narration.ids import new_id
from narration.jobs.events import present_position
from narration.webhooks.record import DeliveryState, DisabledReason, Webhook, WebhookDelivery
from narration.webhooks.signing import new_secret

NOT_SENT = "the webhook was disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChange:
    """The fields that an owner may set of a webhook; None: unchanged."""

    url: str | None = None
    types: Sequence[str] | None = None
    description: str | None = None
    is_disabled: bool | None = None


def create_webhook(
    session: Session,
    *,
    owner: str,
    url: str,
    types: Sequence[str],
    description: str = "",
    most: int,
    now: datetime,
    key_id: str | None = None,
) -> Webhook:
    """Create a webhook that gets events from now on; its URL has been checked.

    Raises: ConflictError if the owner has the maximum number.
    """
    # Locked, so that of two concurrent creations the second counts the first.
    session.execute(select(Webhook.id).where(Webhook.owner == owner).with_for_update())
    count = session.scalar(select(func.count()).where(Webhook.owner == owner)) or 0
    if count >= most:
        raise ConflictError(f"you have {count} webhooks, which is the maximum: delete one first")
    start = present_position(session)
    webhook = Webhook(
        id=new_id("hook", now),
        owner=owner,
        key_id=key_id,
        url=url,
        types=list(types),
        description=description,
        secret=new_secret(),
        cursor_transaction=start.transaction,
        cursor_id=start.id,
        created_at=now,
    )
    session.add(webhook)
    session.flush()
    return webhook


def list_webhooks(session: Session, owner: str) -> list[Webhook]:
    """Return an owner's webhooks, oldest first."""
    query = select(Webhook).where(Webhook.owner == owner).order_by(Webhook.id)
    return list(session.scalars(query))


def get_webhook(
    session: Session, webhook_id: str, *, owner: str, for_update: bool = False
) -> Webhook:
    """Return a webhook. Raises: NotFoundError if it is not the owner's."""
    query = select(Webhook).where(Webhook.id == webhook_id, Webhook.owner == owner)
    webhook = session.scalar(query.with_for_update() if for_update else query)
    if webhook is None:
        raise NotFoundError(f"there is no webhook {webhook_id}")
    return webhook


def change_webhook(
    session: Session, webhook_id: str, change: WebhookChange, *, owner: str, now: datetime
) -> Webhook:
    """Change a webhook. If this enables it again, it gets events from then on.

    Raises: NotFoundError.
    """
    webhook = get_webhook(session, webhook_id, owner=owner, for_update=True)
    if change.url is not None and change.url != webhook.url:
        webhook.url, webhook.failing_since = change.url, None
    if change.types is not None:
        webhook.types = list(change.types)
    if change.description is not None:
        webhook.description = change.description
    if change.is_disabled and webhook.disabled_at is None:
        disable_webhook(session, webhook_id, DisabledReason.OWNER, now=now)
    if change.is_disabled is False and webhook.disabled_at is not None:
        start = present_position(session)
        webhook.cursor_transaction, webhook.cursor_id = start.transaction, start.id
        webhook.disabled_at = webhook.disabled_reason = webhook.failing_since = None
    session.flush()
    session.refresh(webhook)
    return webhook


def delete_webhook(session: Session, webhook_id: str, *, owner: str) -> None:
    """Delete a webhook with its log; a message that is being sent may still arrive.

    Raises: NotFoundError.
    """
    deleted = session.execute(
        delete(Webhook)
        .where(Webhook.id == webhook_id, Webhook.owner == owner)
        .returning(Webhook.id),
        execution_options=UNSYNCHRONIZED,
    )
    if deleted.first() is None:
        raise NotFoundError(f"there is no webhook {webhook_id}")


def rotate_secret(
    session: Session, webhook_id: str, *, owner: str, overlap_s: int, now: datetime
) -> Webhook:
    """Replace a webhook's secret; for a while the previous one signs as well.

    Raises: NotFoundError.
    """
    webhook = get_webhook(session, webhook_id, owner=owner, for_update=True)
    webhook.previous_secret = webhook.secret if overlap_s else None
    webhook.previous_until = now + timedelta(seconds=overlap_s) if overlap_s else None
    webhook.secret = new_secret()
    session.flush()
    return webhook


def valid_secrets(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that are valid at a time: one or two."""
    is_previous_valid = webhook.previous_until is not None and webhook.previous_until > now
    if webhook.previous_secret is None or not is_previous_valid:
        return [webhook.secret]
    return [webhook.secret, webhook.previous_secret]


def disable_webhook(
    session: Session, webhook_id: str, reason: DisabledReason, *, now: datetime
) -> None:
    """Disable a webhook; its pending deliveries count as failed."""
    session.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
        .values(disabled_at=now, disabled_reason=reason),
        execution_options=UNSYNCHRONIZED,
    )
    ended: dict[str, Any] = {"state": DeliveryState.FAILED, "error": NOT_SENT}
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.state == DeliveryState.PENDING,
        )
        .values(**ended, next_attempt_at=None, ended_at=now),
        execution_options=UNSYNCHRONIZED,
    )
