"""Add to each part the fields for listening to it before its job has ended.

Revision: 0009, after 0008. Parts that were encoded before have none of them.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import BigCount

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("parts", sa.Column("audio_sha256", sa.String(length=64), nullable=True))
    op.add_column("parts", sa.Column("audio_samples", BigCount, nullable=True))
    op.add_column("parts", sa.Column("audio_packets", sa.Integer(), nullable=True))
    op.add_column("parts", sa.Column("ends_run", sa.Boolean(), nullable=True))
