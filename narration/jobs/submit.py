"""Submit a job: check everything, store the source, write one row, commit.

A refused submission leaves nothing behind.
"""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.api_settings import LimitSettings
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import ConflictError, KeyReusedError
from narration.ids import is_id, new_id
from narration.jobs.create import Destination, Source, create_job
from narration.jobs.document import DocumentFacts
from narration.jobs.lookup import find_by_idempotency_key, get_job, require_voice
from narration.jobs.queue_room import QueueRoom
from narration.jobs.quota import require_left, take_characters, take_place
from narration.jobs.record import Job
from narration.jobs.request import JobSettings, ReadingOptions
from narration.jobs.states import JobKind
from narration.jobs.work import cover_type, require_cover
from narration.keys.scopes import Allowance
from narration.storage.keys import check_prefix, cover_key, source_key
from narration.storage.profiles import Stores
from narration.storage.write_check import WriteCheck
from narration.voices.lookup import choose_voice
from narration.voices.notes import find_notes
from narration.workers import bundled_voices

AT_ONCE = 8
_LATER = frozenset({"chapters", "split"})
# From bytes, name, media type and options: in this process, or in one that can be stopped.
Examine: TypeAlias = Callable[[bytes, str, str | None, ReadingOptions], DocumentFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job as the caller requested it."""

    owner: str
    name: str
    media_type: str | None
    data: bytes
    settings: JobSettings
    destination: Destination
    idempotency_key: str | None = None
    cover: bytes | None = None  # replaces the document's own
    kind: JobKind = JobKind.NARRATION
    revision_of: str | None = None  # the job whose text this one changes
    allowance: Allowance | None = None  # of the submitting key, if it is in the database
    request: str | None = None  # the request as received, where it does not contain the document

    @property
    def _absent_settings(self) -> set[str]:
        """Settings that older versions lacked; without them old digests can still be matched."""
        return {name for name in _LATER if getattr(self.settings, name) is None}

    @property
    def sha256(self) -> str:
        """SHA-256 of the document."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Digest of the whole request: equal requests have equal fingerprints."""
        if self.request is not None:
            return hashlib.sha256(self.request.encode()).hexdigest()
        request = {
            "document": self.sha256,
            "name": self.name,
            "media_type": self.media_type,
            "settings": self.settings.model_dump(mode="json", exclude=self._absent_settings),
            "destination": asdict(self.destination),
            "cover": self.cover and hashlib.sha256(self.cover).hexdigest(),
        }
        if self.revision_of is not None:
            request["revision_of"] = self.revision_of
        return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The job; `is_replay` if an earlier request with the same idempotency key made it."""

    job: Job
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Accepts jobs, for the server as well as the command line."""

    database: Engine
    stores: Stores
    limits: LimitSettings
    write_check: WriteCheck
    examine: Examine
    _room: QueueRoom = field(default_factory=QueueRoom)
    # Transactions at once. More would be no faster, would use connections beyond the pool, each
    # made anew, and would keep the threads that read events waiting for the interpreter.
    _place: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def submit(self, submission: Submission) -> Submitted:
        """Accept a job or refuse it completely.

        Raises: DocumentError, OutputError, FieldsError, KeyReusedError, LimitError, QueueFullError,
        BusyError, VoiceNotReady, RecordingError; StorageUnavailable, DatabaseUnavailable.
        """
        if submission.cover is not None:
            require_cover(submission.cover)
        prefix = check_prefix(submission.destination.prefix)
        destination = Destination(profile=submission.destination.profile, prefix=prefix)
        self.stores.profile(destination.profile)
        with self._place, session_scope(self.database, is_read_only=True) as session:
            if earlier := find_earlier(session, submission):
                return Submitted(job=earlier, is_replay=True)
            self._room.require(session, self.limits.queued_jobs)
            require_left(session, submission.allowance, now=utc_now())
            voice = choose_job_voice(session, submission)
        facts = self.examine(
            submission.data, submission.name, submission.media_type, submission.settings.reading
        )
        self.write_check.require(destination.profile, prefix)
        job_id = new_id("job", utc_now())
        source = self._store_source(job_id, submission, facts.media_type)
        try:
            self._store_cover(job_id, submission)
            job = self._insert(
                job_id, submission, source, destination, facts.characters, voice=voice
            )
        except BaseException as error:
            self._delete_stored(job_id, submission, source)
            if isinstance(error, ConflictError):
                return self._replay(submission)
            raise
        self._room.count_submitted()
        return Submitted(job=job, is_replay=False)

    def find_earlier(self, owner: str, key: str, request: str) -> Job | None:
        """Return the job created by an equal request that named its document without sending it.

        Raises: KeyReusedError if the request was a different one.
        """
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        with session_scope(self.database, is_read_only=True) as session:
            return _earlier_of(session, owner, key, fingerprint)

    def _store_source(self, job_id: str, submission: Submission, media_type: str) -> Source:
        is_inline = len(submission.data) <= self.limits.inline_source_bytes
        key = None if is_inline else source_key(job_id)
        if key is not None:
            self.stores.work.put(key, submission.data, media_type=media_type)
        return Source(
            name=submission.name,
            media_type=media_type,
            size_bytes=len(submission.data),
            sha256=submission.sha256,
            data=submission.data if is_inline else None,
            key=key,
        )

    def _store_cover(self, job_id: str, submission: Submission) -> None:
        if submission.cover is not None:
            media_type = cover_type(submission.cover)
            assert media_type is not None, "it was checked"
            self.stores.work.put(cover_key(job_id), submission.cover, media_type=media_type)

    def _delete_stored(self, job_id: str, submission: Submission, source: Source) -> None:
        if source.key is not None:
            self.stores.work.delete(source.key)
        if submission.cover is not None:
            self.stores.work.delete(cover_key(job_id))

    def _insert(
        self,
        job_id: str,
        submission: Submission,
        source: Source,
        destination: Destination,
        characters: int,
        *,
        voice: str,
    ) -> Job:
        key, allowance, now = submission.idempotency_key, submission.allowance, utc_now()
        with self._place, session_scope(self.database) as session:
            take_place(session, allowance)
            take_characters(session, allowance, characters, now=now)
            if is_id("voice", voice):  # may have been deleted while the document was being read
                voice = choose_job_voice(session, submission, is_kept=True)
            settings = with_delivery_of(session, submission.settings, voice)
            return create_job(
                session,
                job_id=job_id,
                owner=submission.owner,
                settings=self._with_retention(settings),
                source=source,
                destination=destination,
                now=now,
                key_id=allowance.key_id if allowance else None,
                voice=voice,
                idempotency_key=key,
                request_sha256=submission.fingerprint if key else None,
                revision_of=submission.revision_of,
            )

    def _with_retention(self, settings: JobSettings) -> JobSettings:
        if settings.retention_s is not None or self.limits.retention_s is None:
            return settings
        return settings.model_copy(update={"retention_s": self.limits.retention_s})

    def _replay(self, submission: Submission) -> Submitted:
        """Of two equal concurrent requests this one lost; return the job of the other."""
        with session_scope(self.database, is_read_only=True) as session:
            job = find_earlier(session, submission)
        if job is None:
            raise ConflictError("the job of this idempotency key was just deleted: send it again")
        return Submitted(job=job, is_replay=True)


def find_earlier(session: Session, submission: Submission) -> Job | None:
    """Return the job that an identical earlier request created; None if there is none.

    Raises: KeyReusedError if a different request used the idempotency key.
    """
    key = submission.idempotency_key
    return (
        None if key is None else _earlier_of(session, submission.owner, key, submission.fingerprint)
    )


def _earlier_of(session: Session, owner: str, key: str, fingerprint: str) -> Job | None:
    job = find_by_idempotency_key(session, owner, key)
    if job is not None and job.request_sha256 != fingerprint:
        raise KeyReusedError(
            f"idempotency key {key!r} was used for job {job.id}, which "
            "differs from this request: use a new key"
        )
    return job


def choose_job_voice(session: Session, submission: Submission, *, is_kept: bool = False) -> str:
    """Resolve the voice of a submission: see narration.voices.lookup.choose_voice."""
    name = submission.settings.voice
    if submission.revision_of is not None:
        original = get_job(session, submission.revision_of, owner=submission.owner)
        require_voice(session, original)
        if original.voice is not None and not is_id("voice", original.voice):
            # A voice stored with the model, even if one of the owner's now has its name
            return original.voice
        name = original.voice or name

    def bundled() -> list[str]:
        return bundled_voices(session, now=utc_now())

    return choose_voice(session, submission.owner, name, bundled, is_kept=is_kept)


def with_delivery_of(session: Session, settings: JobSettings, voice_id: str) -> JobSettings:
    """Apply the delivery that the owner stored with the voice, where these settings set none."""
    noted = find_notes(session, voice_id).delivery if is_id("voice", voice_id) else None
    if noted is None:
        return settings
    delivery = noted.with_changes(settings.delivery)
    return settings.model_copy(update={"delivery": delivery})
