"""Add keys with scopes and limits, browser sessions, and the usage of deleted jobs.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

from narration.database import BigCount, JsonColumn, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", JsonColumn, nullable=False),
        sa.Column("requests_a_minute", sa.Integer(), nullable=True),
        sa.Column("queued_jobs", sa.Integer(), nullable=True),
        sa.Column("characters_a_day", BigCount, nullable=True),
        sa.Column("streams", sa.Integer(), nullable=True),
        sa.Column("counted_day", sa.String(length=10), nullable=True),
        sa.Column("counted_characters", BigCount, server_default="0", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index("ix_api_keys_owner_id", "api_keys", ["owner", "id"])
    _create_sessions()
    _create_usage()


def _create_sessions() -> None:
    op.create_table(
        "api_sessions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["api_keys.id"],
            name=op.f("fk_api_sessions_key_id_api_keys"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_sessions_digest")),
    )
    op.create_index("ix_api_sessions_key_id_id", "api_sessions", ["key_id", "id"])
    op.create_index("ix_api_sessions_expires_at", "api_sessions", ["expires_at"])


def _create_usage() -> None:
    op.create_table(
        "usage_days",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("jobs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("characters", BigCount, server_default="0", nullable=False),
        sa.Column("audio_ms", BigCount, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("owner", "key_id", "day", name=op.f("pk_usage_days")),
    )
    op.add_column("jobs", sa.Column("key_id", sa.String(length=40), nullable=True))
    of_keys = sa.text("key_id IS NOT NULL")  # most jobs of most servers have none
    op.create_index(
        "ix_jobs_key_id_state",
        "jobs",
        ["key_id", "state"],
        postgresql_where=of_keys,
        sqlite_where=of_keys,
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_key_id_state", "jobs")
    op.drop_column("jobs", "key_id")
    op.drop_table("usage_days")
    op.drop_table("api_sessions")
    op.drop_table("api_keys")
