"""Create jobs, segments, chunks, voices and workers.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATE = sa.String(length=16)
JSON_TEXT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLES = (
    "chunk_audio",
    "jobs",
    "voices",
    "workers",
    "artifacts",
    "attempts",
    "plans",
    "segments",
    "chunks",
)


def upgrade() -> None:
    _create_chunk_audio()
    _create_jobs()
    _create_voices()
    _create_workers()
    _create_artifacts()
    _create_attempts()
    _create_plans()
    _create_segments()
    _create_chunks()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)  # its indexes go with it


def _create_chunk_audio() -> None:
    op.create_table(
        "chunk_audio",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("cache_key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("is_watermarked", sa.Boolean(), nullable=False),
        sa.Column("findings", JSON_TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "cache_key", name="pk_chunk_audio"),
    )
    op.create_index("ix_chunk_audio_sha256", "chunk_audio", ["sha256"], unique=False)
    op.create_index("ix_chunk_audio_used_at", "chunk_audio", ["used_at"], unique=False)


def _request() -> list[sa.Column]:
    return [
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("settings", JSON_TEXT, nullable=False),
        sa.Column("labels", JSON_TEXT, nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("source", sa.LargeBinary(), nullable=True),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("source_media_type", sa.String(), nullable=False),
        sa.Column("source_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("destination_profile", sa.String(length=64), nullable=False),
        sa.Column("destination_prefix", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("request_sha256", sa.String(length=64), nullable=True),
    ]


def _work() -> list[sa.Column]:
    return [
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_holder", sa.String(length=64), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("served_at", MOMENT, nullable=True),
        sa.Column("announce_at", MOMENT, nullable=True),
    ]


def _progress() -> list[sa.Column]:
    return [
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("chunks_total", sa.Integer(), nullable=False),
        sa.Column("chunks_done", sa.Integer(), nullable=False),
        sa.Column("chunks_cached", sa.Integer(), nullable=False),
        sa.Column("chunks_flagged", sa.Integer(), nullable=False),
        sa.Column("chunks_failed", sa.Integer(), nullable=False),
        sa.Column("characters_done", sa.Integer(), nullable=False),
        sa.Column("audio_ms", sa.BigInteger(), nullable=False),
        sa.Column("voice_digest", sa.String(length=64), nullable=True),
        sa.Column("engines", JSON_TEXT, nullable=False),
    ]


def _moments() -> list[sa.Column]:
    return [
        sa.Column("error", JSON_TEXT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("planned_at", MOMENT, nullable=True),
        sa.Column("rendered_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("deadline_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
    ]


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        *_request(),
        *_work(),
        *_progress(),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_idempotency_key"),
    )
    op.create_index("ix_jobs_expires_at", "jobs", ["expires_at"], unique=False)
    op.create_index("ix_jobs_owner_id", "jobs", ["owner", "id"], unique=False)
    op.create_index("ix_jobs_state_lease_until", "jobs", ["state", "lease_until"], unique=False)


def _create_voices() -> None:
    op.create_table(
        "voices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("recording_key", sa.String(), nullable=False),
        sa.Column("recording_sha256", sa.String(length=64), nullable=False),
        sa.Column("recording_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("conditioning_key", sa.String(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_voices"),
        sa.UniqueConstraint("owner", "name", name="uq_voices_owner_name"),
    )
    op.create_index("ix_voices_state_lease_until", "voices", ["state", "lease_until"], unique=False)


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("engine", JSON_TEXT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )


def _create_artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_artifacts_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "name", name="pk_artifacts"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("error", JSON_TEXT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_attempts_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_attempts"),
    )


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("chapters", JSON_TEXT, nullable=False),
        sa.Column("spans", JSON_TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_plans_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name="pk_plans"),
    )


def _create_segments() -> None:
    op.create_table(
        "segments",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_holder", sa.String(length=64), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_segments_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "index", name="pk_segments"),
    )
    op.create_index(
        "ix_segments_state_lease_until", "segments", ["state", "lease_until"], unique=False
    )


def _create_chunks() -> None:
    op.create_table(
        "chunks",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("chapter", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("caption", sa.String(), nullable=False),
        sa.Column("spoken_text", sa.String(), nullable=False),
        sa.Column("pause_after_ms", sa.Integer(), nullable=False),
        sa.Column("first_take", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("take", sa.Integer(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("cache_key", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("samples", sa.Integer(), nullable=True),
        sa.Column("is_watermarked", sa.Boolean(), nullable=False),
        sa.Column("findings", JSON_TEXT, nullable=False),
        sa.Column("is_cached", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_chunks_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "index", name="pk_chunks"),
    )
    op.create_index("ix_chunks_job_id_segment", "chunks", ["job_id", "segment"], unique=False)
    op.create_index("ix_chunks_job_id_state", "chunks", ["job_id", "state"], unique=False)
    op.create_index("ix_chunks_sha256", "chunks", ["sha256"], unique=False)
