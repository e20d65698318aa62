"""The log of deliveries: list, replay, test and delete."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.errors import ConflictError, NotFoundError
from narration.ids import new_id
from narration.webhooks.endpoints import get_webhook
from narration.webhooks.messages import TEST_TYPE, testing_message
from narration.webhooks.record import DeliveryState, Webhook, WebhookDelivery


def list_deliveries(
    session: Session,
    webhook_id: str,
    *,
    owner: str,
    states: frozenset[DeliveryState] = frozenset(),
    before: str | None = None,
    limit: int,
) -> list[WebhookDelivery]:
    """Return deliveries of a webhook, newest first. Raises: NotFoundError."""
    get_webhook(session, webhook_id, owner=owner)
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if states:
        query = query.where(WebhookDelivery.state.in_(states))
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    return list(session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit)))


def get_delivery(
    session: Session, webhook_id: str, delivery_id: str, *, owner: str, for_update: bool = False
) -> WebhookDelivery:
    """Return a delivery. Raises: NotFoundError."""
    query = select(WebhookDelivery).where(
        WebhookDelivery.id == delivery_id,
        WebhookDelivery.webhook_id == webhook_id,
        WebhookDelivery.owner == owner,
    )
    delivery = session.scalar(query.with_for_update() if for_update else query)
    if delivery is None:
        raise NotFoundError(f"there is no delivery {delivery_id}")
    return delivery


def replay_delivery(
    session: Session, webhook_id: str, delivery_id: str, *, owner: str, now: datetime
) -> WebhookDelivery:
    """Send a message again, now, with a fresh set of attempts.

    Raises: NotFoundError; ConflictError if it is being sent, or the webhook is disabled.
    """
    # The webhook's row first, as everywhere, to avoid deadlocks.
    _require_enabled(get_webhook(session, webhook_id, owner=owner, for_update=True))
    delivery = get_delivery(session, webhook_id, delivery_id, owner=owner, for_update=True)
    if delivery.lease_until is not None and delivery.lease_until > now:
        raise ConflictError("the message is being sent right now: wait for the result")
    delivery.state = DeliveryState.PENDING
    delivery.attempts = 0
    delivery.next_attempt_at = now
    delivery.ended_at = delivery.lease_until = None
    session.flush()
    queue_wakeup(session, Task.NOTIFY)
    return delivery


def add_test_delivery(
    session: Session, webhook_id: str, *, owner: str, now: datetime
) -> WebhookDelivery:
    """Send a test message.

    An earlier test that is still being retried ends as failed.
    Raises: NotFoundError; ConflictError if one is being sent now, or the webhook is disabled.
    """
    _require_enabled(get_webhook(session, webhook_id, owner=owner, for_update=True))
    _end_waiting_tests(session, webhook_id, now)
    delivery = WebhookDelivery(
        id=new_id("msg", now),
        webhook_id=webhook_id,
        owner=owner,
        type=TEST_TYPE,
        body=testing_message(webhook_id, now),
        state=DeliveryState.PENDING,
        attempts=0,
        next_attempt_at=now,
        created_at=now,
    )
    session.add(delivery)
    session.flush()
    queue_wakeup(session, Task.NOTIFY)
    return delivery


def _end_waiting_tests(session: Session, webhook_id: str, now: datetime) -> None:
    waiting = (
        select(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.type == TEST_TYPE,
        )
        .with_for_update()
    )
    for test in session.scalars(waiting):
        if test.lease_until is not None and test.lease_until > now:
            raise ConflictError(
                f"the test {test.id} is being sent at this moment: wait for its outcome"
            )
        test.state, test.ended_at, test.next_attempt_at = DeliveryState.FAILED, now, None


def forget_deliveries(session: Session, *, before: datetime) -> None:
    """Delete deliveries created before a time."""
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.created_at < before))


def _require_enabled(webhook: Webhook) -> None:
    if webhook.disabled_at is not None:
        raise ConflictError("the webhook is disabled: enable it first, with PATCH")
