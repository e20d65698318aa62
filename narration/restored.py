"""Renumbers the events of a restored database for its current server.

Postgres numbers transactions per server. A dump that is loaded into a new server contains events
with numbers of the old one, which may be higher than any on the new one: for weeks they would count
as unsettled, and the cursors of webhooks would be ahead of all new events.
"""

from sqlalchemy import Connection, text

# Numbers that no transaction has had yet: on the server that wrote it, an event never has one.
_IS_FOREIGN = text(
    """
    WITH next AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS unused)
    SELECT EXISTS (SELECT 1 FROM events, next WHERE transaction >= unused)
        OR EXISTS (SELECT 1 FROM webhooks, next WHERE cursor_transaction >= unused)
    """
)

# The events of one server are nearly in the order of their ids, so that a cursor can be expressed
# without the transaction. It is placed before every event that was not delivered; deliveries of
# later events may exist, and are not created again. A webhook without any delivery has no id in its
# cursor.
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
    """Replace the transaction numbers of another server in all rows; False if there are none.

    The order of events by id is kept, and they precede all that this server writes.
    """
    if connection.dialect.name != "postgresql" or not connection.scalar(_IS_FOREIGN):
        return False
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # there may be millions of events
    connection.execute(_MOVE_PLACES)
    connection.execute(_SETTLE_EVENTS)
    return True
