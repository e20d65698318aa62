"""Add to webhooks the key that made each of them.

Revision: 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import ID

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("key_id", ID, nullable=True))


def downgrade() -> None:
    op.drop_column("webhooks", "key_id")
