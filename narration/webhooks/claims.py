"""Whose delivery is sent next: no webhook, and no owner, may keep the others waiting.

Receivers may be slow. A webhook has only so many deliveries in work at once, and so has an owner
over all webhooks; who has the fewest in work goes first. The claims of one owner take turns, as
two who counted at the same moment would both take the last place.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.webhooks.endpoints import valid_secrets
from narration.webhooks.record import DeliveryState, Webhook, WebhookDelivery

CANDIDATES = 8  # owners, of whom others may be faster to serve some
MOST_AT_ONCE = 4  # of one webhook: a slow receiver must not hold up the others
MOST_OF_OWNER = 6  # at once: half of what one process sends, however many receivers are slow


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


def claim_delivery(session: Session, *, until: datetime, now: datetime) -> DeliveryClaim | None:
    """Take the delivery whose turn it is, of owners and webhooks that are not busy; None if none.

    Owners for whom somebody else claims at this moment come last: those are waited for, as nobody
    might look again soon.
    """
    owners = _owners_with_work(session, now)
    for may_wait in (False, True):
        locked = []
        for owner in owners:
            # Rolled back, it frees the lock: who holds one waits for no other.
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
    """Tell of a delivery whether it is to be sent and nobody does it."""
    return and_(
        WebhookDelivery.state == DeliveryState.PENDING,
        WebhookDelivery.next_attempt_at <= now,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= now),
    )


def _owners_with_work(session: Session, now: datetime) -> list[str]:
    each = _webhooks(now).subquery()
    held = func.sum(each.c.held)
    oldest = func.min(case((each.c.held < MOST_AT_ONCE, each.c.oldest)))
    query = (
        select(each.c.owner)
        .group_by(each.c.owner)
        .having(held < MOST_OF_OWNER, oldest.is_not(None))
        .order_by(held, oldest, each.c.owner)
        .limit(CANDIDATES)
    )
    return list(session.scalars(query))


def _lock_owner(session: Session, owner: str, *, may_wait: bool) -> bool:
    """Keep others from claiming for an owner until the transaction ends; False if others do.

    The row of a webhook is no such lock: those who make its deliveries would have to wait.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True  # writers take turns
    key = func.hashtextextended(f"webhooks of {owner}", 0)
    if may_wait:
        session.execute(select(func.pg_advisory_xact_lock(key)))
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(key))))


def _claim_of(
    session: Session, owner: str, *, until: datetime, now: datetime
) -> DeliveryClaim | None:
    webhooks = session.execute(_webhooks(now).where(Webhook.owner == owner)).all()
    if sum(each.held for each in webhooks) >= MOST_OF_OWNER:
        return None
    free = [each for each in webhooks if each.held < MOST_AT_ONCE and each.oldest is not None]
    for each in sorted(free, key=lambda each: (each.oldest, each.id)):
        claim = _claim_for(session, each.id, until=until, now=now)
        if claim is not None:
            return claim
    return None


def _webhooks(now: datetime) -> Select[Any]:
    """Ask for the enabled webhooks: how many deliveries are in work, and since when one waits."""
    this = WebhookDelivery.webhook_id == Webhook.id
    held = select(func.count()).where(
        this, WebhookDelivery.state == DeliveryState.PENDING, WebhookDelivery.lease_until > now
    )
    oldest = select(func.min(WebhookDelivery.next_attempt_at)).where(this, is_due(now))
    return select(
        Webhook.id,
        Webhook.owner,
        held.scalar_subquery().label("held"),
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
