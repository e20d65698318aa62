"""Add to voices their owners' notes, and how similar they sound to their recordings.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import JsonColumn

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("voices", sa.Column("tags", JsonColumn, nullable=True))
    op.add_column("voices", sa.Column("delivery", JsonColumn, nullable=True))
    op.add_column("voices", sa.Column("consent", sa.String(), nullable=True))
    op.add_column("voices", sa.Column("similarity", sa.Double(), nullable=True))


def downgrade() -> None:
    for name in ("similarity", "consent", "delivery", "tags"):
        op.drop_column("voices", name)
