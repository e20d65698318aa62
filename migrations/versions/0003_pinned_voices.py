"""Add to each job the voice that speaks it; older jobs still look theirs up by name.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("voice", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "voice")
