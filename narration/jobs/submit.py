"""A new job: its row, queued."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narration.errors import ConflictError
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.states import JobState


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
    """Insert a queued job; the caller announces it after the commit.

    Raises: ConflictError if the owner has used the idempotency key before.
    """
    assert (source.data is None) != (source.key is None)
    deadline = settings.deadline_s
    job = Job(
        id=job_id,
        owner=owner,
        state=JobState.QUEUED,
        priority=settings.priority,
        settings=settings.model_dump(mode="json"),
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
        deadline_at=now + timedelta(seconds=deadline) if deadline else None,
    )
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError as error:
        raise ConflictError(f"idempotency key {idempotency_key!r} was used before") from error
    return job
