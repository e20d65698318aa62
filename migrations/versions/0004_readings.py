"""Store how a document was read: with its plan, its job and its chunks.

Revision: 0004, after 0003. Jobs that were planned before have no report and no warnings.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON_TEXT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("plans", sa.Column("reading", JSON_TEXT, nullable=True))
    op.add_column("plans", sa.Column("work", JSON_TEXT, nullable=True))
    op.add_column("jobs", sa.Column("warnings", JSON_TEXT, nullable=True))
    op.add_column("chunks", sa.Column("text_findings", JSON_TEXT, nullable=True))


def downgrade() -> None:
    op.drop_column("chunks", "text_findings")
    op.drop_column("jobs", "warnings")
    op.drop_column("plans", "work")
    op.drop_column("plans", "reading")
