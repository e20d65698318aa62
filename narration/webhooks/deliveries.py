"""Send deliveries: the results of claimed ones.

Like all work, a delivery is tried under a lease with a fencing number. If a worker dies, its
delivery is tried again: the receiver may get a message twice, with the same `webhook-id`.
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

AGAIN_S = 5  # after something that was no attempt, and after the first attempt
MAX_ERROR_CHARS, MAX_RESPONSE_CHARS = 300, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt ended; `error` is None if the receiver accepted the message."""

    took_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str | None = None
    retry_after_s: float | None = None
    is_begun: bool = True  # False: nothing was sent to the receiver, so it does not count


def renew_delivery(session: Session, claim: DeliveryClaim, *, until: datetime) -> bool:
    """Renew the lease on a delivery; False if it is lost."""
    return _update(session, claim, lease_until=until)


def record_attempt(
    session: Session,
    claim: DeliveryClaim,
    attempt: Attempt,
    *,
    disable_after: timedelta,
    now: datetime,
) -> bool:
    """Record the result of an attempt and schedule the next one; False if the delivery was lost.

    A webhook is disabled when its receiver answers 410, or when a message is given up and none has
    been accepted for `disable_after`.
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
    # The webhook first: everything that locks both does so in this order, to avoid deadlocks.
    failing_since = _record_health(session, claim, attempt, now)
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
    """Return how many deliveries are due, counting up to `most`."""
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


def _record_health(
    session: Session, claim: DeliveryClaim, attempt: Attempt, now: datetime
) -> datetime | None:
    """Record on a webhook whether it fails; return since when.

    Attempts at a URL that it no longer has are ignored.
    """
    is_same_url = and_(Webhook.id == claim.webhook_id, Webhook.url == claim.url)
    if attempt.error is None:
        recovered = update(Webhook).where(is_same_url, Webhook.failing_since.is_not(None))
        session.execute(recovered.values(failing_since=None), execution_options=UNSYNCHRONIZED)
        return None
    webhook = session.scalar(select(Webhook).where(is_same_url).with_for_update())
    if webhook is None:
        return None
    webhook.failing_since = webhook.failing_since or now
    session.flush()
    return webhook.failing_since
