"""Add plans that are kept before a job is created from them, and the speed of workers.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import BigCount, JsonColumn, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("speech_rate", sa.Double(), nullable=True))
    op.create_table(
        "kept_plans",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("settings", JsonColumn, nullable=False),
        sa.Column("outline", JsonColumn, nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=True),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("source_media_type", sa.String(), nullable=False),
        sa.Column("source_size_bytes", BigCount, nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("cover_key", sa.String(), nullable=True),
        sa.Column("destination_profile", sa.String(), nullable=False),
        sa.Column("destination_prefix", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_plans")),
    )
    op.create_index("ix_kept_plans_owner_id", "kept_plans", ["owner", "id"])
    op.create_index("ix_kept_plans_expires_at", "kept_plans", ["expires_at"])


def downgrade() -> None:
    op.drop_table("kept_plans")
    op.drop_column("workers", "speech_rate")
