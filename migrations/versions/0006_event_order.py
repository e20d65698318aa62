"""Add to each event the transaction that wrote it, the order in which followers resume.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    # Transaction numbers are the database's own; on SQLite writers take turns.
    default = sa.text("pg_current_xact_id()::text::bigint" if is_postgres else "0")
    op.add_column(
        "events", sa.Column("transaction", sa.BigInteger(), nullable=False, server_default=default)
    )
    op.drop_index("ix_events_owner_id", table_name="events")
    op.create_index("ix_events_owner_transaction_id", "events", ["owner", "transaction", "id"])


def downgrade() -> None:
    op.drop_index("ix_events_owner_transaction_id", table_name="events")
    op.create_index("ix_events_owner_id", "events", ["owner", "id"])
    op.drop_column("events", "transaction")
