"""Record which parts can be encoded, and index the parts that need a chunk.

Revision: 0011, after 0010. Parts of unfinished jobs are encoded when the jobs are assembled.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "parts", sa.Column("is_ready", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_parts_is_ready", "parts", ["is_ready"])
    op.create_index("ix_parts_job_id_needs_end", "parts", ["job_id", "needs_end"])


def downgrade() -> None:
    op.drop_index("ix_parts_job_id_needs_end", "parts")
    op.drop_index("ix_parts_is_ready", "parts")
    op.drop_column("parts", "is_ready")
