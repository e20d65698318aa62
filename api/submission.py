"""Submit a job: check everything, store the source, write one row, commit, and only then announce.

What is refused leaves nothing behind.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from api.deps import Resources
from api.destinations import DestinationCheck
from api.enrolment import bundled_voices
from api.errors import FieldsError, KeyReusedError, QueueFullError
from narration.clock import utc_now
from narration.database import session_scope
from narration.documents.read import read_document
from narration.errors import ConflictError, DocumentError, RecordingError, VoiceNotReady
from narration.ids import new_id
from narration.jobs import listing
from narration.jobs.lookup import find_by_idempotency_key
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.submit import Destination, Source, create_job
from narration.settings import LimitSettings
from narration.storage.keys import check_prefix, source_key
from narration.voices.lookup import find_voice
from narration.voices.record import VoiceState

DEFAULT_VOICE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job as it was asked for."""

    owner: str
    name: str
    media_type: str | None
    data: bytes
    settings: JobSettings
    destination: Destination
    idempotency_key: str | None = None

    @property
    def sha256(self) -> str:
        """Digest of the document."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Digest of everything asked for: equal requests have equal ones."""
        request = {
            "document": self.sha256,
            "name": self.name,
            "media_type": self.media_type,
            "settings": self.settings.model_dump(mode="json"),
            "destination": asdict(self.destination),
        }
        return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The job; `is_replay` if an earlier request with the same idempotency key made it."""

    job: Job
    is_replay: bool


def submit(resources: Resources, check: DestinationCheck, submission: Submission) -> Submitted:
    """Accept a job or refuse it whole.

    Raises: DocumentError, OutputError, FieldsError, KeyReusedError, QueueFullError,
    VoiceNotReady, RecordingError; StorageUnavailable, DatabaseUnavailable.
    """
    check_prefix(submission.destination.prefix)
    media_type = _check_document(submission, resources.settings.limits)
    with session_scope(resources.database, is_read_only=True) as session:
        if earlier := _find_earlier(session, submission):
            return Submitted(job=earlier, is_replay=True)
        _check_queue(session, resources.settings.limits)
        _check_voice(session, submission.owner, submission.settings.voice)
    check.require(submission.destination)
    return _store(resources, submission, media_type)


def _check_document(submission: Submission, limits: LimitSettings) -> str:
    document = read_document(
        submission.data,
        name=submission.name,
        media_type=submission.media_type,
        max_bytes=limits.document_size_bytes,
    )
    if len(document.source) > limits.document_chars:
        raise DocumentError(
            f"the document has {len(document.source):,} characters, at most "
            f"{limits.document_chars:,} are allowed: send it in parts"
        )
    return document.media_type


def _find_earlier(session: Session, submission: Submission) -> Job | None:
    if submission.idempotency_key is None:
        return None
    job = find_by_idempotency_key(session, submission.owner, submission.idempotency_key)
    if job is not None and job.request_sha256 != submission.fingerprint:
        raise KeyReusedError(
            f"idempotency key {submission.idempotency_key!r} was used for job {job.id}, which "
            "differs from this request: use a new key"
        )
    return job


def _check_queue(session: Session, limits: LimitSettings) -> None:
    queued = listing.count_queued(session)
    if queued >= limits.queued_jobs:
        raise QueueFullError(f"{queued:,} jobs are waiting already: send this one later")


def _check_voice(session: Session, owner: str, name: str) -> None:
    voice = find_voice(session, owner, name)
    if voice is None:
        if name != DEFAULT_VOICE and name not in bundled_voices(session):
            detail = f"there is no voice {name!r}: GET /v1/voices lists yours"
            raise FieldsError([{"pointer": "/voice", "detail": detail}])
    elif voice.state == VoiceState.PREPARING:
        raise VoiceNotReady(f"voice {name!r} is being prepared: send the job again soon")
    elif voice.state == VoiceState.FAILED:
        raise RecordingError(f"voice {name!r} could not be prepared ({voice.error})")


def _store(resources: Resources, submission: Submission, media_type: str) -> Submitted:
    now = utc_now()
    job_id = new_id("job", now)
    is_inline = len(submission.data) <= resources.settings.limits.inline_source_bytes
    key = None if is_inline else source_key(job_id)
    if key is not None:
        resources.stores.work.put(key, submission.data, media_type=media_type)
    source = Source(
        name=submission.name,
        media_type=media_type,
        size_bytes=len(submission.data),
        sha256=submission.sha256,
        data=submission.data if is_inline else None,
        key=key,
    )
    try:
        with session_scope(resources.database) as session:
            job = create_job(
                session,
                job_id=job_id,
                owner=submission.owner,
                settings=_with_retention(submission.settings, resources.settings.limits),
                source=source,
                destination=Destination(
                    profile=submission.destination.profile,
                    prefix=check_prefix(submission.destination.prefix),
                ),
                now=now,
                idempotency_key=submission.idempotency_key,
                request_sha256=submission.fingerprint if submission.idempotency_key else None,
            )
    except BaseException as error:
        if key is not None:
            resources.stores.work.delete(key)
        if isinstance(error, ConflictError):
            return _replay(resources, submission)
        raise
    return Submitted(job=job, is_replay=False)


def _with_retention(settings: JobSettings, limits: LimitSettings) -> JobSettings:
    if settings.retention_s is not None or limits.retention_s is None:
        return settings
    return settings.model_copy(update={"retention_s": limits.retention_s})


def _replay(resources: Resources, submission: Submission) -> Submitted:
    """Two equal requests met: this one lost the race and answers with the winner's job."""
    with session_scope(resources.database, is_read_only=True) as session:
        job = _find_earlier(session, submission)
    assert job is not None
    return Submitted(job=job, is_replay=True)
