"""A new job: its row, queued."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.stored import deadline_of, dump_settings
from narration.jobs.transitions import insert_job


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The document as it was sent: its bytes, or the key they were stored under."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    data: bytes | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the artifacts go: a storage profile and a folder in it."""

    profile: str
    prefix: str = ""


def create_job(
    session: Session,
    *,
    job_id: str,
    owner: str,
    settings: JobSettings,
    source: Source,
    destination: Destination,
    now: datetime,
    idempotency_key: str | None = None,
    request_sha256: str | None = None,
) -> Job:
    """Insert a queued job; it is planned as soon as this transaction is committed.

    Raises: ConflictError if the owner has used the idempotency key before.
    """
    assert (source.data is None) != (source.key is None)
    job = Job(
        id=job_id,
        owner=owner,
        priority=settings.priority,
        settings=dump_settings(settings),
        labels=dict(settings.labels),
        title=settings.title,
        author=settings.author,
        source=source.data,
        source_key=source.key,
        source_name=source.name,
        source_media_type=source.media_type,
        source_size_bytes=source.size_bytes,
        source_sha256=source.sha256,
        destination_profile=destination.profile,
        destination_prefix=destination.prefix,
        idempotency_key=idempotency_key,
        request_sha256=request_sha256,
        created_at=now,
        updated_at=now,
        deadline_at=deadline_of(settings, now),
    )
    insert_job(session, job, now=now)
    return job
