"""The table of uploads: documents that clients put into the store themselves, before any job."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from narration.database import ID, OWNER, Base, BigCount, UtcDateTime


class Upload(Base):
    """A key in the work store to which a client may write one document."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_owner_used_at", "owner", "used_at"),
        Index("ix_uploads_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    name: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigCount)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When a job or plan was made of it
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
