"""Sending deliveries: what becomes of one that is claimed.

A delivery is tried under a lease with a fencing number, as all work is. A worker that dies in
between leaves one that is tried again: a receiver may be told twice, under the same `webhook-id`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.webhooks.claims import DeliveryClaim, is_due
from narration.webhooks.endpoints import disable_webhook
from narration.webhooks.record import DeliveryState, DisabledReason, Webhook, WebhookDelivery
from narration.webhooks.schedule import wait_s

AGAIN_S = 5  # after what was no attempt, as after the first one
MAX_ERROR_CHARS, MAX_RESPONSE_CHARS = 300, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt ended; `error` is None if the message was taken."""

    took_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str | None = None
    retry_after_s: float | None = None
    is_begun: bool = True  # False: nothing was asked of the receiver, so it does not count


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
    if not attempt.is_begun:
        again = now + timedelta(seconds=AGAIN_S)
        attempts = claim.attempts - 1
        return _update(session, claim, lease_until=None, attempts=attempts, next_attempt_at=again)
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
    due = select(WebhookDelivery.id).where(is_due(now), is_enabled.exists()).limit(most)
    return session.scalar(select(func.count()).select_from(due.subquery())) or 0


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
