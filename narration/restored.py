"""Gives the events of a restored database numbers that hold on its present server.

Postgres numbers transactions for each server by itself. A dump that is loaded into a new one brings
events with the numbers of the old one, which may lie beyond all that the new one has had: they
would count as unsettled, and the places of webhooks as ahead of all that happens, for weeks.
"""

from sqlalchemy import Connection, text

# Numbers that no transaction has had yet: no event has one on the server that wrote it.
_IS_FOREIGN = text(
    """
    WITH next AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS unused)
    SELECT EXISTS (SELECT 1 FROM events, next WHERE transaction >= unused)
        OR EXISTS (SELECT 1 FROM webhooks, next WHERE cursor_transaction >= unused)
    """
)

# The events of one server are nearly in the order of their ids, so that a place is one without the
# transaction. It comes before every event that was not told; of those after it that were, the
# deliveries exist, and are not made again. A webhook that was told nothing has no id for a place.
_MOVE_PLACES = text(
    """
    UPDATE webhooks SET cursor_transaction = 0, cursor_id = least(
        cursor_id,
        (SELECT coalesce(max(id), 0) FROM events),
        (SELECT min(id) - 1 FROM events WHERE events.owner = webhooks.owner
            AND (transaction, id) > (cursor_transaction, cursor_id))
    )
    """
)
_SETTLE_EVENTS = text("UPDATE events SET transaction = 0 WHERE transaction <> 0")


def adopt_events(connection: Connection) -> bool:
    """Take the numbers of another server's transactions from all rows; False if there are none.

    Events stay in the order of their ids, and come before all that this server writes.
    """
    if connection.dialect.name != "postgresql" or not connection.scalar(_IS_FOREIGN):
        return False
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # there may be millions of events
    connection.execute(_MOVE_PLACES)
    connection.execute(_SETTLE_EVENTS)
    return True
