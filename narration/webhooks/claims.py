"""Which delivery is sent next: no webhook, and no owner, may hold up the others.

Receivers may be slow. The number of deliveries in progress is limited per webhook, and per owner
over all webhooks; whoever has the fewest goes first. The claims of one owner are made one after the
other, since two that counted at the same moment would both take the last place.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.webhooks.endpoints import valid_secrets
from narration.webhooks.record import DeliveryState, Webhook, WebhookDelivery

CANDIDATES = 8  # owners; other threads may claim for some of them first
MOST_AT_ONCE = 4  # per webhook: a slow receiver must not hold up the others
MOST_OF_OWNER = 6  # in progress: half of what one process sends, however many receivers are slow


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryClaim:
    """The right to try one delivery, and everything needed to send it."""

    id: str
    webhook_id: str
    fence: int
    attempts: int  # including this one
    url: str
    body: str
    secrets: tuple[str, ...]


def claim_delivery(session: Session, *, until: datetime, now: datetime) -> DeliveryClaim | None:
    """Claim the next delivery of owners and webhooks that are not busy; None if there is none.

    Owners for whom another thread is claiming come last, but are waited for, since nobody else
    might look again soon.
    """
    owners = _owners_with_work(session, now)
    for may_wait in (False, True):
        locked = []
        for owner in owners:
            # Rolling back releases the lock, so that a holder of one lock never waits for another.
            with session.begin_nested() as savepoint:
                if not _lock_owner(session, owner, may_wait=may_wait):
                    locked.append(owner)
                    continue
                claim = _claim_of(session, owner, until=until, now=now)
                if claim is not None:
                    return claim
                savepoint.rollback()
        owners = locked
    return None


def is_due(now: datetime) -> ColumnElement[bool]:
    """Condition: the delivery is due and nobody is sending it."""
    return and_(
        WebhookDelivery.state == DeliveryState.PENDING,
        WebhookDelivery.next_attempt_at <= now,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= now),
    )


def _owners_with_work(session: Session, now: datetime) -> list[str]:
    webhooks = _webhooks(now).subquery()
    in_progress = func.sum(webhooks.c.held)
    oldest = func.min(case((webhooks.c.held < MOST_AT_ONCE, webhooks.c.oldest)))
    query = (
        select(webhooks.c.owner)
        .group_by(webhooks.c.owner)
        .having(in_progress < MOST_OF_OWNER, oldest.is_not(None))
        .order_by(in_progress, oldest, webhooks.c.owner)
        .limit(CANDIDATES)
    )
    return list(session.scalars(query))


def _lock_owner(session: Session, owner: str, *, may_wait: bool) -> bool:
    """Lock out other claims for an owner until the transaction ends; False if already locked.

    This does not lock the webhook's row, because that would block whoever adds deliveries.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True  # SQLite has one writer at a time
    key = func.hashtextextended(f"webhooks of {owner}", 0)
    if may_wait:
        session.execute(select(func.pg_advisory_xact_lock(key)))
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(key))))


def _claim_of(
    session: Session, owner: str, *, until: datetime, now: datetime
) -> DeliveryClaim | None:
    webhooks = session.execute(_webhooks(now).where(Webhook.owner == owner)).all()
    if sum(webhook.held for webhook in webhooks) >= MOST_OF_OWNER:
        return None
    free = [
        webhook
        for webhook in webhooks
        if webhook.held < MOST_AT_ONCE and webhook.oldest is not None
    ]
    for webhook in sorted(free, key=lambda webhook: (webhook.oldest, webhook.id)):
        claim = _claim_for(session, webhook.id, until=until, now=now)
        if claim is not None:
            return claim
    return None


def _webhooks(now: datetime) -> Select[Any]:
    """Select the enabled webhooks, with their deliveries in progress and the oldest one waiting."""
    is_of_webhook = WebhookDelivery.webhook_id == Webhook.id
    in_progress = select(func.count()).where(
        is_of_webhook,
        WebhookDelivery.state == DeliveryState.PENDING,
        WebhookDelivery.lease_until > now,
    )
    oldest = select(func.min(WebhookDelivery.next_attempt_at)).where(is_of_webhook, is_due(now))
    return select(
        Webhook.id,
        Webhook.owner,
        in_progress.scalar_subquery().label("held"),
        oldest.scalar_subquery().label("oldest"),
    ).where(Webhook.disabled_at.is_(None))


def _claim_for(
    session: Session, webhook_id: str, *, until: datetime, now: datetime
) -> DeliveryClaim | None:
    next_one = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.webhook_id == webhook_id, is_due(now))
        .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    delivery_id = session.scalar(next_one)
    webhook = session.get(Webhook, webhook_id)
    if delivery_id is None or webhook is None:
        return None
    claimed = session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, is_due(now))
        .values(
            lease_until=until,
            fence=WebhookDelivery.fence + 1,
            attempts=WebhookDelivery.attempts + 1,
            attempted_at=now,
        )
        .returning(WebhookDelivery.fence, WebhookDelivery.attempts, WebhookDelivery.body),
        execution_options=UNSYNCHRONIZED,
    ).one_or_none()
    if claimed is None:
        return None
    return DeliveryClaim(
        id=delivery_id,
        webhook_id=webhook_id,
        fence=claimed.fence,
        attempts=claimed.attempts,
        url=webhook.url,
        body=claimed.body,
        secrets=tuple(valid_secrets(webhook, now)),
    )
