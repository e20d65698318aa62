"""Sending deliveries: claim, keep, and what becomes of one after an attempt.

A delivery is tried under a lease with a fencing number, as all work is. A worker that dies in
between leaves one that is tried again: a receiver may be told twice, under the same `webhook-id`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.webhooks.endpoints import disable_webhook, valid_secrets
from narration.webhooks.record import DeliveryState, DisabledReason, Webhook, WebhookDelivery
from narration.webhooks.schedule import wait_s

CANDIDATES = 8  # webhooks, of which others may be faster to serve some
MOST_AT_ONCE = 4  # of one webhook: a slow receiver must not hold up the others
MAX_ERROR_CHARS, MAX_RESPONSE_CHARS = 300, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryClaim:
    """The right to try one delivery, and all that is needed for it."""

    id: str
    webhook_id: str
    fence: int
    attempts: int  # including this one
    url: str
    body: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt ended; `error` is None if the message was taken."""

    took_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str | None = None
    retry_after_s: float | None = None


def claim_delivery(session: Session, *, until: datetime, now: datetime) -> DeliveryClaim | None:
    """Take the delivery that has waited longest, of webhooks that are not busy; None if none."""
    for webhook_id in _webhooks_with_work(session, now):
        next_one = (
            select(WebhookDelivery.id)
            .where(WebhookDelivery.webhook_id == webhook_id, _is_due(now))
            .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        delivery_id = session.scalar(next_one)
        webhook = session.get(Webhook, webhook_id)
        if delivery_id is None or webhook is None:
            continue
        claimed = session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id == delivery_id, _is_due(now))
            .values(
                lease_until=until,
                fence=WebhookDelivery.fence + 1,
                attempts=WebhookDelivery.attempts + 1,
                attempted_at=now,
            )
            .returning(WebhookDelivery.fence, WebhookDelivery.attempts, WebhookDelivery.body),
            execution_options=UNSYNCHRONIZED,
        ).one_or_none()
        if claimed is not None:
            return DeliveryClaim(
                id=delivery_id,
                webhook_id=webhook_id,
                fence=claimed.fence,
                attempts=claimed.attempts,
                url=webhook.url,
                body=claimed.body,
                secrets=tuple(valid_secrets(webhook, now)),
            )
    return None


def renew_delivery(session: Session, claim: DeliveryClaim, *, until: datetime) -> bool:
    """Keep a delivery a while longer; False if it is lost."""
    return _update(session, claim, lease_until=until)


def record_attempt(
    session: Session,
    claim: DeliveryClaim,
    attempt: Attempt,
    *,
    disable_after: timedelta,
    now: datetime,
) -> bool:
    """Write down how an attempt ended, and when the next one comes; False if it was lost.

    A webhook is disabled when its receiver says that it is gone, or when a message was given up and
    nothing was taken for so long.
    """
    wait = wait_s(claim.attempts, attempt.retry_after_s) if attempt.error is not None else None
    values: dict[str, Any] = {
        "lease_until": None,
        "status_code": attempt.status_code,
        "error": attempt.error and attempt.error[:MAX_ERROR_CHARS],
        "response": attempt.response and attempt.response[:MAX_RESPONSE_CHARS],
        "took_ms": attempt.took_ms,
        "next_attempt_at": None if wait is None else now + timedelta(seconds=wait),
    }
    if wait is None:
        is_taken = attempt.error is None
        values["state"] = DeliveryState.DELIVERED if is_taken else DeliveryState.FAILED
        values["ended_at"] = now
    # The webhook first: all who lock both do it in this order, or two could wait for each other.
    failing_since = _note_health(session, claim, attempt, now)
    is_ours = _update(session, claim, **values)
    is_hopeless = failing_since is not None and failing_since <= now - disable_after
    if attempt.status_code == HTTPStatus.GONE and failing_since is not None:
        disable_webhook(session, claim.webhook_id, DisabledReason.GONE, now=now)
    elif wait is None and is_hopeless:
        disable_webhook(session, claim.webhook_id, DisabledReason.FAILING, now=now)
    return is_ours


def resume_deliveries(session: Session) -> None:
    """End every lease on a delivery: the only process that could hold them is gone."""
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.state == DeliveryState.PENDING)
        .values(lease_until=None),
        execution_options=UNSYNCHRONIZED,
    )


def count_due(session: Session, *, most: int, now: datetime) -> int:
    """Return how many deliveries wait for somebody to send them, at most so many."""
    is_enabled = select(Webhook.id).where(
        Webhook.id == WebhookDelivery.webhook_id, Webhook.disabled_at.is_(None)
    )
    due = select(WebhookDelivery.id).where(_is_due(now), is_enabled.exists()).limit(most)
    return session.scalar(select(func.count()).select_from(due.subquery())) or 0


def _webhooks_with_work(session: Session, now: datetime) -> list[str]:
    held = (
        select(func.count())
        .where(WebhookDelivery.webhook_id == Webhook.id)
        .where(WebhookDelivery.state == DeliveryState.PENDING, WebhookDelivery.lease_until > now)
        .scalar_subquery()
    )
    oldest = (
        select(func.min(WebhookDelivery.next_attempt_at))
        .where(WebhookDelivery.webhook_id == Webhook.id, _is_due(now))
        .scalar_subquery()
    )
    query = select(Webhook.id).where(
        Webhook.disabled_at.is_(None), held < MOST_AT_ONCE, oldest.is_not(None)
    )
    return list(session.scalars(query.order_by(oldest, Webhook.id).limit(CANDIDATES)))


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(
        WebhookDelivery.state == DeliveryState.PENDING,
        WebhookDelivery.next_attempt_at <= now,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= now),
    )


def _update(session: Session, claim: DeliveryClaim, **values: Any) -> bool:
    updated = session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == claim.id,
            WebhookDelivery.fence == claim.fence,
            WebhookDelivery.state == DeliveryState.PENDING,
        )
        .values(**values)
        .returning(WebhookDelivery.id),
        execution_options=UNSYNCHRONIZED,
    )
    return updated.first() is not None


def _note_health(
    session: Session, claim: DeliveryClaim, attempt: Attempt, now: datetime
) -> datetime | None:
    """Note on a webhook whether it fails; return since when.

    What was sent to a URL that it no longer has says nothing of it.
    """
    this = and_(Webhook.id == claim.webhook_id, Webhook.url == claim.url)
    if attempt.error is None:
        well = update(Webhook).where(this, Webhook.failing_since.is_not(None))
        session.execute(well.values(failing_since=None), execution_options=UNSYNCHRONIZED)
        return None
    webhook = session.scalar(select(Webhook).where(this).with_for_update())
    if webhook is None:
        return None
    webhook.failing_since = webhook.failing_since or now
    session.flush()
    return webhook.failing_since
