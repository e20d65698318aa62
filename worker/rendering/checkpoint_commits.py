"""Transactions that record finished chunks; a job whose rows are locked holds up no other job.

Deleting a job locks its rows for as long as that takes. Such a job is set aside and retried, with
pauses, until its rows are free or its leases would have expired.
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

MOST = 128  # chunks per transaction: more would lock the rows of their jobs for too long
LOCK_WAIT_S = 1.0  # per lock: other workers hold a job's row for some milliseconds
SHORT_LOCK_WAIT_S = 0.2  # when a listener waits, or a job is known to be locked
FIRST_PAUSE_S = 0.5  # before a locked job is retried
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A finished chunk that is to be recorded, and the future that gets the result."""

    chunk: FinishedChunk
    standing: Future[Standing]
    is_urgent: bool


@dataclass(slots=True, kw_only=True)
class _LockedJob:
    checkpoints: list[Checkpoint]
    next_at: float
    give_up_at: float
    failures: int = 1


class CheckpointCommitter:
    """Writes checkpoints and resolves their futures; used from one thread."""

    def __init__(self, database: Engine, until: Callable[[], datetime], clock: Clock) -> None:
        """`until` returns when a lease that is renewed now expires."""
        self._database = database
        self._until = until
        self._clock = clock
        self._locked: dict[str, _LockedJob] = {}

    def write(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Write checkpoints in one transaction, those of locked jobs later."""
        is_urgent = any(checkpoint.is_urgent for checkpoint in checkpoints)
        self._write(checkpoints, SHORT_LOCK_WAIT_S if is_urgent else LOCK_WAIT_S)

    def retry(self) -> None:
        """Retry the locked job that has been due the longest, if any is due."""
        job_id = min(self._locked, key=lambda each: self._locked[each].next_at, default="")
        if job_id and self._locked[job_id].next_at <= time.monotonic():
            self._retry(job_id, self._locked[job_id])

    def next_in_s(self) -> float | None:
        """Return the time until a locked job is due; None if no job is locked."""
        due = [locked.next_at for locked in self._locked.values()]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def close(self) -> None:
        """Retry every locked job once more, and fail what cannot be written."""
        for job_id, locked in list(self._locked.items()):
            locked.give_up_at = 0.0
            while job_id in self._locked:
                self._retry(job_id, locked)

    def _write(self, checkpoints: Sequence[Checkpoint], lock_wait_s: float) -> None:
        writable = self._without_locked(checkpoints)
        if not writable:
            return
        try:
            standings = self._commit(writable, lock_wait_s)
        except Exception as error:  # noqa: BLE001 - callers that wait on the future must get any error
            self._write_singly(writable, error)
        else:
            _resolve(writable, standings)

    def _without_locked(self, checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
        """Append checkpoints of locked jobs to their jobs' queues; return the others."""
        writable: list[Checkpoint] = []
        for checkpoint in checkpoints:
            locked = self._locked.get(checkpoint.chunk.claim.job_id)
            (writable if locked is None else locked.checkpoints).append(checkpoint)
        return writable

    def _write_singly(self, checkpoints: Sequence[Checkpoint], error: Exception) -> None:
        """After an error that one job or chunk may have caused, write each of them separately."""
        if isinstance(error, RowsLocked):
            self._write_jobs(checkpoints, error)
        elif len(checkpoints) == 1 or isinstance(error, DatabaseUnavailable):
            _fail(checkpoints, error)
        else:
            log.warning("checkpoints_written_singly", chunks=len(checkpoints), reason=repr(error))
            for checkpoint in checkpoints:
                self._write([checkpoint], SHORT_LOCK_WAIT_S)

    def _write_jobs(self, checkpoints: Sequence[Checkpoint], error: RowsLocked) -> None:
        by_job: dict[str, list[Checkpoint]] = defaultdict(list)
        for checkpoint in sorted(checkpoints, key=lambda checkpoint: not checkpoint.is_urgent):
            by_job[checkpoint.chunk.claim.job_id].append(checkpoint)
        if len(by_job) > 1:
            for checkpoints_of_job in by_job.values():
                self._write(checkpoints_of_job, SHORT_LOCK_WAIT_S)
            return
        (job_id,) = by_job
        log.warning("checkpoints_postponed", job=job_id, chunks=len(checkpoints), reason=str(error))
        now = time.monotonic()
        self._locked[job_id] = _LockedJob(
            checkpoints=list(checkpoints),
            next_at=now + FIRST_PAUSE_S,
            give_up_at=now + (self._until() - self._clock()).total_seconds(),
        )

    def _retry(self, job_id: str, locked: _LockedJob) -> None:
        checkpoints = locked.checkpoints[:MOST]
        try:
            standings = self._commit(checkpoints, SHORT_LOCK_WAIT_S)
        except RowsLocked as error:
            now = time.monotonic()
            if now < locked.give_up_at:
                locked.failures += 1
                locked.next_at = now + backoff_s(
                    locked.failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S
                )
                return
            del self._locked[job_id]
            _fail(locked.checkpoints, error)
        except Exception as error:  # noqa: BLE001 - as above
            del self._locked[job_id]
            self._write_singly(locked.checkpoints, error)
        else:
            locked.checkpoints = locked.checkpoints[MOST:]
            if not locked.checkpoints:
                del self._locked[job_id]
            _resolve(checkpoints, standings)

    def _commit(self, checkpoints: Sequence[Checkpoint], lock_wait_s: float) -> list[Standing]:
        chunks = [checkpoint.chunk for checkpoint in checkpoints]
        try:
            return self._commit_once(chunks, lock_wait_s)
        except RowsLocked:
            raise
        except DatabaseUnavailable:
            # The connection may have been stale. Writing again is safe even if the commit went
            # through.
            return self._commit_once(chunks, lock_wait_s)

    def _commit_once(self, chunks: Sequence[FinishedChunk], lock_wait_s: float) -> list[Standing]:
        with session_scope(self._database) as session:
            limit_lock_waits(session, lock_wait_s)
            return checkpoint_all(session, chunks, until=self._until(), now=self._clock())


def _resolve(checkpoints: Sequence[Checkpoint], standings: Sequence[Standing]) -> None:
    for checkpoint, standing in zip(checkpoints, standings, strict=True):
        checkpoint.standing.set_result(standing)


def _fail(checkpoints: Sequence[Checkpoint], error: Exception) -> None:
    for checkpoint in checkpoints:
        checkpoint.standing.set_exception(error)
