"""Add revisions: past takes and deliveries, and chunks with settings of their own.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import BigCount, JsonColumn, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ADDED = (
    ("jobs", "is_gain_kept"),
    ("jobs", "revision"),
    ("jobs", "revision_of"),
    ("jobs", "reopened_at"),
    ("chunks", "planned_text"),
    ("chunks", "voicing"),
    ("artifacts", "revision"),
)


def upgrade() -> None:
    added = (
        sa.Column("is_gain_kept", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("revision_of", sa.String(length=40), nullable=True),
        sa.Column("reopened_at", UtcDateTime(), nullable=True),
        sa.Column("planned_text", sa.String(), nullable=True),
        sa.Column("voicing", JsonColumn, nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
    )
    for (table, _), column in zip(ADDED, added, strict=True):
        op.add_column(table, column)
    op.create_index("ix_jobs_revision_of", "jobs", ["revision_of"])
    _create_past_takes()
    _create_past_artifacts()


def _create_past_takes() -> None:
    op.create_table(
        "past_takes",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("spoken_text", sa.String(), nullable=False),
        sa.Column("voicing", JsonColumn, nullable=True),
        sa.Column("seed", BigCount, nullable=False),
        sa.Column("cache_key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("is_watermarked", sa.Boolean(), nullable=False),
        sa.Column("findings", JsonColumn, nullable=False),
        sa.Column("level", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id", "chunk"],
            ["chunks.job_id", "chunks.index"],
            name=op.f("fk_past_takes_job_id_chunks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "chunk", "number", name=op.f("pk_past_takes")),
    )
    op.create_index("ix_past_takes_sha256", "past_takes", ["sha256"])


def _create_past_artifacts() -> None:
    op.create_table(
        "past_artifacts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size_bytes", BigCount, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", BigCount, nullable=True),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_past_artifacts_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "revision", "name", name=op.f("pk_past_artifacts")),
    )


def downgrade() -> None:
    op.drop_table("past_artifacts")
    op.drop_table("past_takes")
    op.drop_index("ix_jobs_revision_of", "jobs")
    for table, column in reversed(ADDED):
        op.drop_column(table, column)
