"""Make a new job: to be queued, or already planned if a client waits for its sound."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from narration.jobs.draft import Draft, plan_row
from narration.jobs.lookup import get_job
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.states import JobKind
from narration.jobs.stored import deadline_of, dump_settings
from narration.jobs.transitions import insert_planned_job
from narration.jobs.work import narrator_of, record_work

URGENT_PRIORITY = 10  # above what any caller may choose, since a client is waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The document as submitted: its bytes, or the key of the object that holds them."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    data: bytes | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where artifacts are delivered: a storage profile and a folder in it."""

    profile: str
    prefix: str = ""


def new_job(
    session: Session,
    *,
    job_id: str,
    owner: str,
    settings: JobSettings,
    source: Source,
    destination: Destination,
    now: datetime,
    voice: str | None = None,
    idempotency_key: str | None = None,
    request_sha256: str | None = None,
    revision_of: str | None = None,
    kind: JobKind = JobKind.NARRATION,
    draft: Draft | None = None,
    key_id: str | None = None,
) -> Job:
    """Return a new job: for `insert_jobs`, or with a draft for `insert_drafted_job`."""
    if (source.data is None) == (source.key is None):
        raise ValueError("a source lies either in the row or in the object store")
    job = Job(
        id=job_id,
        owner=owner,
        key_id=key_id,
        kind=kind,
        priority=settings.priority if draft is None else URGENT_PRIORITY,
        settings=dump_settings(settings),
        labels=dict(settings.labels),
        voice=voice,
        title=settings.title if draft is None else draft.title,
        author=settings.author if draft is None else draft.author,
        warnings=None if draft is None else draft.warnings,
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
        revision_of=revision_of,
    )
    if revision_of is not None:  # the audio it shares with its original already has that gain
        original = get_job(session, revision_of, owner=owner)
        job.gain_db, job.is_gain_kept = original.gain_db, original.is_gain_kept
    return job


def insert_drafted_job(session: Session, job: Job, draft: Draft, *, now: datetime) -> None:
    """Insert a job with its plan; it is rendered immediately, before all others.

    Raises: ConflictError if the owner has used the idempotency key before.
    """
    work = record_work(draft.metadata, narrator=narrator_of(job.settings["voice"]), cover=None)
    plan = plan_row(job.id, job.owner, draft, work)
    insert_planned_job(session, job, plan, draft.chunks, draft.parts, now=now)
