"""The table of plans that were requested before any job: kept for a while with their source."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, deferred, mapped_column

from narration.database import (
    DIGEST,
    ID,
    OWNER,
    Base,
    BigCount,
    JsonColumn,
    StoredAs,
    UtcDateTime,
)
from narration.jobs.outline_record import OutlineRecord


class KeptPlan(Base):
    """What a document would become, and the document, so that a job can be created from both."""

    __tablename__ = "kept_plans"
    __table_args__ = (
        Index("ix_kept_plans_owner_id", "owner", "id"),
        Index("ix_kept_plans_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    settings: Mapped[dict[str, Any]] = mapped_column(JsonColumn)  # JobSettings
    outline: Mapped[OutlineRecord] = mapped_column(StoredAs(OutlineRecord))
    # Small documents are stored in the row, larger ones in the object store, as for jobs.
    source: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    source_key: Mapped[str | None]
    source_name: Mapped[str]
    source_media_type: Mapped[str]
    source_size_bytes: Mapped[int] = mapped_column(BigCount)
    source_sha256: Mapped[str] = mapped_column(DIGEST)
    cover_key: Mapped[str | None]
    destination_profile: Mapped[str]
    destination_prefix: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
