"""Add kinds of jobs: narrations, streamed speech, previews of voices.

Revision: 0010, after 0009. All jobs so far are narrations.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    kind = sa.Column("kind", sa.String(length=16), nullable=False, server_default="narration")
    op.add_column("jobs", kind)


def downgrade() -> None:
    op.drop_column("jobs", "kind")
