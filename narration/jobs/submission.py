"""A job as a caller requests it, and what the database knows of such a request."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias

from sqlalchemy.orm import Session

from narration.clock import utc_now
from narration.errors import KeyReusedError
from narration.ids import is_id
from narration.jobs.create import Destination
from narration.jobs.document import UnreadDocument
from narration.jobs.lookup import find_by_idempotency_key, get_job, require_voice
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.states import JobKind
from narration.keys.scopes import Allowance
from narration.voices.lookup import choose_voice, find_voices, identify_voice
from narration.voices.notes import find_notes
from narration.voices.record import Voice
from narration.workers import bundled_voices

_LATER = frozenset({"chapters", "split"})
FoundVoices: TypeAlias = Mapping[tuple[str, str], Voice]  # by owner and name or id


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
    def document(self) -> UnreadDocument:
        """The document, to be read as the settings say."""
        return UnreadDocument(
            data=self.data,
            name=self.name,
            media_type=self.media_type,
            options=self.settings.reading,
        )

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


def shared_by(submission: Submission) -> list[tuple[str, ...]]:
    """Return what only one submission at a time may have of those that are submitted together.

    One with the same idempotency key has to find the job of the first, and how many jobs of a key
    are queued is counted before those of the same transaction are written.
    """
    shared: list[tuple[str, ...]] = []
    if submission.idempotency_key is not None:
        shared.append(("idempotency key", submission.owner, submission.idempotency_key))
    key = submission.allowance
    if key is not None and key.queued_jobs is not None:
        shared.append(("key", key.key_id))
    return shared


def find_earlier(session: Session, submission: Submission) -> Job | None:
    """Return the job that an identical earlier request created; None if there is none.

    Raises: KeyReusedError if a different request used the idempotency key.
    """
    key = submission.idempotency_key
    return (
        None
        if key is None
        else find_earlier_of(session, submission.owner, key, submission.fingerprint)
    )


def find_earlier_of(session: Session, owner: str, key: str, fingerprint: str) -> Job | None:
    """Return the job of an owner's idempotency key; None if there is none.

    Raises: KeyReusedError if the request of that job had another fingerprint.
    """
    job = find_by_idempotency_key(session, owner, key)
    if job is not None and job.request_sha256 != fingerprint:
        raise KeyReusedError(
            f"idempotency key {key!r} was used for job {job.id}, which "
            "differs from this request: use a new key"
        )
    return job


def choose_job_voice(
    session: Session,
    submission: Submission,
    *,
    found: FoundVoices | None = None,
    is_kept: bool = False,
) -> str:
    """Resolve the voice of a submission: see narration.voices.lookup.choose_voice.

    `found`: by `find_job_voices`, so that the voice of a new text needs no query of its own.
    """
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

    if found is None or submission.revision_of is not None:
        return choose_voice(session, submission.owner, name, bundled, is_kept=is_kept)
    return identify_voice(found.get((submission.owner, name)), name, bundled)


def find_job_voices(session: Session, submissions: Iterable[Submission]) -> FoundVoices:
    """Find the owners' voices that several submissions name, in one query."""
    return find_voices(session, {(one.owner, one.settings.voice) for one in submissions})


def with_delivery_of(session: Session, settings: JobSettings, voice_id: str) -> JobSettings:
    """Apply the delivery that the owner stored with the voice, where these settings set none."""
    noted = find_notes(session, voice_id).delivery if is_id("voice", voice_id) else None
    if noted is None:
        return settings
    delivery = noted.with_changes(settings.delivery)
    return settings.model_copy(update={"delivery": delivery})
