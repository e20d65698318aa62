"""Record what a job waits for, and what keeps a worker from being ready.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSON_TEXT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trouble_code", sa.String(length=32)))
    op.add_column("jobs", sa.Column("trouble_detail", sa.String()))
    op.add_column("jobs", sa.Column("trouble_since", sa.DateTime(timezone=True)))
    op.add_column("workers", sa.Column("awaits", JSON_TEXT))


def downgrade() -> None:
    op.drop_column("workers", "awaits")
    for name in ("trouble_since", "trouble_detail", "trouble_code"):
        op.drop_column("jobs", name)
