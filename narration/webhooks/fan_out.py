"""From events to deliveries: exactly one row for each event that a webhook subscribes to.

A webhook has a cursor in the events of its owner. The rows are written and the cursor is moved in
one transaction that locks the webhook's row, so a process that dies in between has no effect. Only
settled events are read, as by HTTP subscribers, so none is skipped.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.database import UNSYNCHRONIZED
from narration.ids import new_id
from narration.jobs.event_pages import read_owner_events
from narration.jobs.events import JobEvent, Position
from narration.jobs.record import Event
from narration.webhooks.messages import event_message
from narration.webhooks.record import DeliveryState, Webhook, WebhookDelivery

PAGE = 500
MOST_WAKEUPS = 8  # per page: each woken worker sends until nothing is due


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Progress of a webhook: whether it has more events, and whether some are not settled yet."""

    has_more: bool = False
    is_settled: bool = True


def find_behind(session: Session, owners: Collection[str] | None = None) -> list[str]:
    """Return the webhooks, of some owners or of all, that are behind in the events."""
    place = tuple_(Event.transaction, Event.id)
    cursor = tuple_(Webhook.cursor_transaction, Webhook.cursor_id)
    later = select(Event.id).where(Event.owner == Webhook.owner, place > cursor)
    query = select(Webhook.id).where(Webhook.disabled_at.is_(None), later.exists())
    if owners is not None:
        query = query.where(Webhook.owner.in_(owners))
    return list(session.scalars(query.order_by(Webhook.id)))


def fan_out(session: Session, webhook_id: str, *, now: datetime) -> FanOut:
    """Write the deliveries for the next events of a webhook, and wake workers to send them."""
    webhook = session.scalar(
        select(Webhook)
        .where(Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    if webhook is None:
        # Whoever held the lock before may not have seen the newest events, so look again.
        is_held = exists().where(Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
        return FanOut(is_settled=not session.scalar(select(is_held)))
    after = Position(transaction=webhook.cursor_transaction, id=webhook.cursor_id)
    page = read_owner_events(session, webhook.owner, after=after, limit=PAGE)
    rows = [_row(webhook, event, now) for event in page.events if event.type in webhook.types]
    if rows:
        _insert(session, rows)
        for _ in rows[:MOST_WAKEUPS]:
            queue_wakeup(session, Task.NOTIFY)
    if page.events:
        last = page.events[-1].position
        webhook.cursor_transaction, webhook.cursor_id = last.transaction, last.id
    return FanOut(has_more=not page.is_last, is_settled=page.is_settled)


def lower_cursors(session: Session) -> None:
    """Lower cursors that are beyond the last event, since SQLite reuses the ids of deleted rows.

    To be called when events were deleted, in the same transaction.
    """
    last = select(func.coalesce(func.max(Event.id), 0)).scalar_subquery()
    session.execute(
        update(Webhook)
        .where(Webhook.cursor_transaction == 0, Webhook.cursor_id > last)
        .values(cursor_id=last),
        execution_options=UNSYNCHRONIZED,
    )


def _insert(session: Session, rows: list[dict[str, object]]) -> None:
    # After a restore a cursor may move back a little: what was sent before is not sent again.
    if session.get_bind().dialect.name == "postgresql":
        on_postgres = postgresql.insert(WebhookDelivery).on_conflict_do_nothing()
        session.execute(on_postgres, rows, execution_options=UNSYNCHRONIZED)
    else:
        on_sqlite = sqlite.insert(WebhookDelivery).on_conflict_do_nothing()
        session.execute(on_sqlite, rows, execution_options=UNSYNCHRONIZED)


def _row(webhook: Webhook, event: JobEvent, now: datetime) -> dict[str, object]:
    return {
        "id": new_id("msg", now),
        "webhook_id": webhook.id,
        "owner": webhook.owner,
        "job_id": event.job_id,
        "number": event.number,
        "type": event.type,
        "body": event_message(event),
        "state": DeliveryState.PENDING,
        "next_attempt_at": now,
        "created_at": now,
    }
