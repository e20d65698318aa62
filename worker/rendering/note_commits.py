"""Transactions that write the ends of chunks; a job whose rows are locked holds up no other.

Whoever deletes a job has its rows locked for as long as that takes. Such a job is set aside and
tried again, with pauses, until its rows are free or its leases would have run out.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Engine

from narration.backoff import backoff_s
from narration.clock import Clock
from narration.database import limit_lock_waits, session_scope
from narration.errors import DatabaseUnavailable, RowsLocked
from narration.jobs.checkpoints import FinishedChunk, Standing, checkpoint_all

log = structlog.get_logger(__name__)

MOST = 128  # chunks in a transaction: more would keep the rows of their jobs locked for long
LOCK_WAIT_S = 1.0  # for one lock: other workers have the row of a job for some milliseconds
SHORT_LOCK_WAIT_S = 0.2  # where somebody waits, or a job is known to be locked
FIRST_PAUSE_S = 0.5  # before a job that was locked is tried again
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Note:
    """The end of a chunk that is to be written, and what becomes of it."""

    chunk: FinishedChunk
    standing: Future[Standing]
    is_urgent: bool


@dataclass(slots=True, kw_only=True)
class _LockedJob:
    notes: list[Note]
    next_at: float
    give_up_at: float
    failures: int = 1


class NoteCommitter:
    """Writes notes and answers them; it belongs to one thread."""

    def __init__(self, database: Engine, until: Callable[[], datetime], clock: Clock) -> None:
        """`until` tells when a lease that is renewed now runs out."""
        self._database = database
        self._until = until
        self._clock = clock
        self._locked: dict[str, _LockedJob] = {}

    def write(self, notes: Sequence[Note]) -> None:
        """Write notes in one transaction, and those of locked jobs later."""
        is_urgent = any(note.is_urgent for note in notes)
        self._write(notes, SHORT_LOCK_WAIT_S if is_urgent else LOCK_WAIT_S)

    def retry(self) -> None:
        """Try the job again that has been due for longest, if there is one."""
        job_id = min(self._locked, key=lambda each: self._locked[each].next_at, default="")
        if job_id and self._locked[job_id].next_at <= time.monotonic():
            self._retry(job_id, self._locked[job_id])

    def next_in_s(self) -> float | None:
        """Return how long it is until a job is due; None if no job is locked."""
        due = [locked.next_at for locked in self._locked.values()]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def close(self) -> None:
        """Try every job that is locked once more, and fail what cannot be written."""
        for job_id, locked in list(self._locked.items()):
            locked.give_up_at = 0.0
            while job_id in self._locked:
                self._retry(job_id, locked)

    def _write(self, notes: Sequence[Note], lock_wait_s: float) -> None:
        writable = self._without_locked(notes)
        if not writable:
            return
        try:
            standings = self._commit(writable, lock_wait_s)
        except Exception as error:  # noqa: BLE001 - whoever waits for a note must learn of any
            self._write_apart(writable, error)
        else:
            _answer(writable, standings)

    def _without_locked(self, notes: Sequence[Note]) -> list[Note]:
        """Put notes of jobs that are known to be locked behind the others of these jobs."""
        writable: list[Note] = []
        for note in notes:
            locked = self._locked.get(note.chunk.claim.job_id)
            (writable if locked is None else locked.notes).append(note)
        return writable

    def _write_apart(self, notes: Sequence[Note], error: Exception) -> None:
        """After an error that may be the fault of one job or chunk, write each by itself."""
        if isinstance(error, RowsLocked):
            self._write_jobs(notes, error)
        elif len(notes) == 1 or isinstance(error, DatabaseUnavailable):
            _fail(notes, error)
        else:
            log.warning("notes_written_apart", chunks=len(notes), reason=repr(error))
            for note in notes:
                self._write([note], SHORT_LOCK_WAIT_S)

    def _write_jobs(self, notes: Sequence[Note], error: RowsLocked) -> None:
        by_job: dict[str, list[Note]] = defaultdict(list)
        for note in sorted(notes, key=lambda note: not note.is_urgent):
            by_job[note.chunk.claim.job_id].append(note)
        if len(by_job) > 1:
            for of_job in by_job.values():
                self._write(of_job, SHORT_LOCK_WAIT_S)
            return
        (job_id,) = by_job
        log.warning("notes_put_off", job=job_id, chunks=len(notes), reason=str(error))
        now = time.monotonic()
        self._locked[job_id] = _LockedJob(
            notes=list(notes),
            next_at=now + FIRST_PAUSE_S,
            give_up_at=now + (self._until() - self._clock()).total_seconds(),
        )

    def _retry(self, job_id: str, locked: _LockedJob) -> None:
        notes = locked.notes[:MOST]
        try:
            standings = self._commit(notes, SHORT_LOCK_WAIT_S)
        except RowsLocked as error:
            now = time.monotonic()
            if now < locked.give_up_at:
                locked.failures += 1
                locked.next_at = now + backoff_s(
                    locked.failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S
                )
                return
            del self._locked[job_id]
            _fail(locked.notes, error)
        except Exception as error:  # noqa: BLE001 - as above
            del self._locked[job_id]
            self._write_apart(locked.notes, error)
        else:
            locked.notes = locked.notes[MOST:]
            if not locked.notes:
                del self._locked[job_id]
            _answer(notes, standings)

    def _commit(self, notes: Sequence[Note], lock_wait_s: float) -> list[Standing]:
        chunks = [note.chunk for note in notes]
        try:
            return self._commit_once(chunks, lock_wait_s)
        except RowsLocked:
            raise
        except DatabaseUnavailable:
            # A connection may be old; what was committed all the same is not written again.
            return self._commit_once(chunks, lock_wait_s)

    def _commit_once(self, chunks: Sequence[FinishedChunk], lock_wait_s: float) -> list[Standing]:
        with session_scope(self._database) as session:
            limit_lock_waits(session, lock_wait_s)
            return checkpoint_all(session, chunks, until=self._until(), now=self._clock())


def _answer(notes: Sequence[Note], standings: Sequence[Standing]) -> None:
    for note, standing in zip(notes, standings, strict=True):
        note.standing.set_result(standing)


def _fail(notes: Sequence[Note], error: Exception) -> None:
    for note in notes:
        note.standing.set_exception(error)
