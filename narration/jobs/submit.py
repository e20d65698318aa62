"""Submit jobs: check everything, store the sources, write the rows, commit.

A refused submission leaves nothing behind, and refuses no other that is submitted together with it.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from narration.api_settings import LimitSettings
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import (
    ConflictError,
    DatabaseUnavailable,
    OutputError,
    RhapsodeError,
    RowsLocked,
    TransientError,
)
from narration.ids import is_id, new_id
from narration.jobs.attempts import Attempt, each_of, pending_of
from narration.jobs.create import Destination, Source, new_job
from narration.jobs.document import DocumentFacts, UnreadDocument
from narration.jobs.queue_room import QueueRoom
from narration.jobs.quota import require_left, take_characters, take_place
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.submission import (
    FoundVoices,
    Submission,
    Submitted,
    choose_job_voice,
    find_earlier,
    find_earlier_of,
    find_job_voices,
    with_delivery_of,
)
from narration.jobs.transitions import insert_jobs
from narration.jobs.work import cover_type, require_cover
from narration.storage.keys import check_prefix, cover_key, source_key
from narration.storage.profiles import Stores
from narration.storage.write_check import WriteCheck

AT_ONCE = 8
_EACH_S = 5.0  # a lock that one waits for, all may wait for, and each until its time is over
_STATEMENT_FAILED = (SQLAlchemyError, RowsLocked, ConflictError)
# In this process, or in one that can be stopped; a refused document has its error in its place.
Examine: TypeAlias = Callable[[Sequence[UnreadDocument]], Sequence[DocumentFacts | RhapsodeError]]

log = structlog.get_logger(__name__)


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
        outcome = self.submit_together([submission])[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def submit_together(self, submissions: Sequence[Submission]) -> list[Submitted | Exception]:
        """Accept or refuse jobs in few transactions for all; what `submit` raises is in its place.

        At most one of them may have a given idempotency key of an owner, or be of a given key with
        a limit on queued jobs: see `shared_by`.
        """
        attempts = [Attempt(submission=submission) for submission in submissions]
        try:
            self._try(attempts)
        except Exception as error:  # noqa: BLE001 - in the place of what `submit` raises
            # A statement failed, so nothing was committed: each gets a transaction of its own, and
            # only those that it concerns are refused. After any other error, such as a lost
            # connection, that is not known, and nothing may be done twice.
            if len(attempts) > 1 and isinstance(error, _STATEMENT_FAILED):
                return self._submit_each(submissions)
            return [attempt.outcome or error for attempt in attempts]
        return [attempt.outcome or AssertionError("no outcome") for attempt in attempts]

    def _submit_each(self, submissions: Sequence[Submission]) -> list[Submitted | Exception]:
        """Submit one after the other; if the database keeps them waiting, the rest are refused."""
        ends_at = time.monotonic() + _EACH_S
        outcomes: list[Submitted | Exception] = []
        for one in submissions:
            outcomes += self.submit_together([one])
            if isinstance(outcomes[-1], DatabaseUnavailable) and time.monotonic() > ends_at:
                return outcomes + [outcomes[-1]] * (len(submissions) - len(outcomes))
        return outcomes

    def needs_little(self, submission: Submission) -> bool:
        """Return whether only the database is needed to accept it once its document is read."""
        one = submission
        is_short = len(one.data) <= self.limits.inline_source_bytes
        is_plain = one.cover is None and one.revision_of is None
        destination = one.destination
        is_known = self.write_check.remembers(destination.profile, destination.prefix)
        return is_short and is_plain and is_known

    def find_earlier(self, owner: str, key: str, request: str) -> Job | None:
        """Return the job created by an equal request that named its document without sending it.

        Raises: KeyReusedError if the request was a different one.
        """
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        with session_scope(self.database, is_read_only=True) as session:
            return find_earlier_of(session, owner, key, fingerprint)

    def _try(self, attempts: Sequence[Attempt]) -> None:
        """Give every attempt an outcome.

        Raises: what the database raises, and ConflictError, with nothing left behind.
        """
        each_of(attempts, self._check)
        self._look_up(attempts)
        self._read(attempts)
        try:
            each_of(attempts, self._store)
            self._insert(attempts)
        except ConflictError:
            self._delete_stored(attempts)
            if len(attempts) > 1:
                raise
            attempts[0].outcome = self._replay(attempts[0].submission)
        except BaseException:
            self._delete_stored(attempts)
            raise
        self._delete_stored([each for each in attempts if isinstance(each.outcome, Exception)])

    def _check(self, attempt: Attempt) -> None:
        wanted = attempt.submission
        if wanted.cover is not None:
            require_cover(wanted.cover)
        prefix = check_prefix(wanted.destination.prefix)
        attempt.destination = Destination(profile=wanted.destination.profile, prefix=prefix)
        self.stores.profile(wanted.destination.profile)

    def _look_up(self, attempts: Sequence[Attempt]) -> None:
        if not (pending := pending_of(attempts)):
            return
        with self._place, session_scope(self.database, is_read_only=True) as session:
            found = find_job_voices(session, [attempt.submission for attempt in pending])
            each_of(pending, partial(self._look_up_one, session, found, pending))

    def _look_up_one(
        self, session: Session, found: FoundVoices, pending: Sequence[Attempt], attempt: Attempt
    ) -> None:
        submission = attempt.submission
        if earlier := find_earlier(session, submission):
            attempt.outcome = Submitted(job=earlier, is_replay=True)
            return
        ahead = sum(1 for other in pending if other.voice)  # passed, and not counted yet
        self._room.require(session, self.limits.queued_jobs, ahead=ahead)
        require_left(session, submission.allowance, now=utc_now())
        attempt.voice = choose_job_voice(session, submission, found=found)

    def _read(self, attempts: Sequence[Attempt]) -> None:
        if not (pending := pending_of(attempts)):
            return
        outcomes = self.examine([attempt.submission.document for attempt in pending])
        for attempt, outcome in zip(pending, outcomes, strict=True):
            if isinstance(outcome, Exception):
                attempt.outcome = outcome
            else:
                attempt.facts = outcome

    def _store(self, attempt: Attempt) -> None:
        assert attempt.destination is not None
        assert attempt.facts is not None
        submission = attempt.submission
        self.write_check.require(attempt.destination.profile, attempt.destination.prefix)
        attempt.job_id = new_id("job", utc_now())
        work, media_type = self.stores.work, attempt.facts.media_type
        is_inline = len(submission.data) <= self.limits.inline_source_bytes
        key = None if is_inline else source_key(attempt.job_id)
        if key is not None:
            work.put(key, submission.data, media_type=media_type)
        attempt.source = Source(
            name=submission.name,
            media_type=media_type,
            size_bytes=len(submission.data),
            sha256=submission.sha256,
            data=submission.data if is_inline else None,
            key=key,
        )
        if submission.cover is not None:
            kind = cover_type(submission.cover)
            assert kind is not None, "it was checked"
            work.put(cover_key(attempt.job_id), submission.cover, media_type=kind)

    def _delete_stored(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            if attempt.source is None:
                continue
            try:
                if attempt.source.key is not None:
                    self.stores.work.delete(attempt.source.key)
                if attempt.submission.cover is not None:
                    self.stores.work.delete(cover_key(attempt.job_id))
            except (TransientError, OutputError) as error:  # why it was refused is what counts
                log.warning("source_not_deleted", job_id=attempt.job_id, reason=str(error))

    def _insert(self, attempts: Sequence[Attempt]) -> None:
        if not pending_of(attempts):
            return
        now = utc_now()
        with self._place, session_scope(self.database) as session:
            in_order = sorted(pending_of(attempts), key=lambda attempt: attempt.lock_order)
            each_of(in_order, partial(self._prepare, session))
            accepted = [(each, each.job) for each in in_order if each.job is not None]
            insert_jobs(session, [job for _, job in accepted], now=now)
        for attempt, job in accepted:
            attempt.outcome = Submitted(job=job, is_replay=False)
            self._room.count_submitted()

    def _prepare(self, session: Session, attempt: Attempt) -> None:
        """Make the job, and count it towards the limits of its key: last, so nothing is undone."""
        assert attempt.source is not None
        assert attempt.destination is not None
        assert attempt.facts is not None
        submission, voice, now = attempt.submission, attempt.voice, utc_now()
        allowance, key = submission.allowance, submission.idempotency_key
        if is_id("voice", voice):  # may have been deleted while the document was being read
            voice = choose_job_voice(session, submission, is_kept=True)
        job = new_job(
            session,
            job_id=attempt.job_id,
            owner=submission.owner,
            settings=self._with_retention(with_delivery_of(session, submission.settings, voice)),
            source=attempt.source,
            destination=attempt.destination,
            now=now,
            key_id=allowance.key_id if allowance else None,
            voice=voice,
            idempotency_key=key,
            request_sha256=submission.fingerprint if key else None,
            revision_of=submission.revision_of,
        )
        take_place(session, allowance)
        take_characters(session, allowance, attempt.facts.characters, now=now)
        attempt.job = job

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
