"""Add the parts of jobs, their encoded forms, and the levels of takes and voices.

Revision: 0007, after 0006. Jobs planned before get their parts when they are assembled.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import BigCount, JsonColumn, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("gain_db", sa.Double(), nullable=True))
    op.add_column("chunks", sa.Column("level", sa.LargeBinary(), nullable=True))
    op.add_column("chunk_audio", sa.Column("level", sa.LargeBinary(), nullable=True))
    _create_parts()
    op.create_table(
        "voice_levels",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("voice_digest", sa.String(length=64), nullable=False),
        sa.Column("level", JsonColumn, nullable=True),
        sa.Column("measured_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_voice_levels")),
    )


def _create_parts() -> None:
    op.create_table(
        "parts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("first_chunk", sa.Integer(), nullable=False),
        sa.Column("end_chunk", sa.Integer(), nullable=False),
        sa.Column("needs_from", sa.Integer(), nullable=False),
        sa.Column("needs_end", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_holder", sa.String(length=64), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_parts_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "index", name=op.f("pk_parts")),
    )
    op.create_index("ix_parts_state_lease_until", "parts", ["state", "lease_until"])
    op.create_table(
        "part_audio",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", BigCount, nullable=False),
        sa.Column("level", sa.LargeBinary(), nullable=True),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "digest", name=op.f("pk_part_audio")),
    )
    op.create_index("ix_part_audio_used_at", "part_audio", ["used_at"])
    op.create_index("ix_part_audio_sha256", "part_audio", ["sha256"])


def downgrade() -> None:
    for table in ("voice_levels", "part_audio", "parts"):
        op.drop_table(table)
    for table, column in (("chunk_audio", "level"), ("chunks", "level"), ("jobs", "gain_db")):
        op.drop_column(table, column)
