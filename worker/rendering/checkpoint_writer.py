"""Records finished chunks in the database, many of them in one transaction.

A transaction costs the interpreter about as much as thirty chunks in it, so there are at most five
a second; chunks that finish in between are collected. A chunk that follows a pause is
written at once. So is one that a listener waits for, together with all collected so far.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime

from sqlalchemy import Engine

from narration.clock import Clock, utc_now
from narration.jobs.checkpoints import FinishedChunk, Standing
from worker.rendering.checkpoint_commits import MOST, Checkpoint, CheckpointCommitter

GATHER_S = 0.2  # between the starts of two transactions


class CheckpointWriter:
    """Records finished chunks on its own thread; its methods may be called from many threads."""

    def __init__(
        self,
        database: Engine,
        until: Callable[[], datetime],
        clock: Clock = utc_now,
        *,
        gather_s: float = GATHER_S,
    ) -> None:
        """`until` returns when a lease that is renewed now expires."""
        self._committer = CheckpointCommitter(database, until, clock)
        self._gather_s = gather_s
        self._began_at = -gather_s
        self._waiting: list[Checkpoint] = []
        self._is_urgent = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def write(self, chunk: FinishedChunk, *, is_urgent: bool = False) -> Future[Standing]:
        """Record a finished chunk soon, or at once if a listener waits for it.

        The transaction is committed when the future is done; it may fail with DatabaseUnavailable
        or OutputError.
        """
        standing: Future[Standing] = Future()
        with self._changed:
            self._waiting.append(Checkpoint(chunk=chunk, standing=standing, is_urgent=is_urgent))
            self._is_urgent = self._is_urgent or is_urgent
            if len(self._waiting) == 1 or self._is_due():
                self._changed.notify()
        return standing

    def close(self) -> None:
        """Write what is queued, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            checkpoints, is_last = self._take()
            live = [
                checkpoint
                for checkpoint in checkpoints
                if checkpoint.standing.set_running_or_notify_cancel()
            ]
            if live:
                self._committer.write(live)
            self._committer.retry()
            del checkpoints, live  # what they hold would stay in memory until the next ones come
        self._committer.close()

    def _take(self) -> tuple[list[Checkpoint], bool]:
        """Wait for checkpoints or a due locked job; return them, and whether they are the last."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._is_closed, self._committer.next_in_s()
            )
            if self._waiting:
                left_s = self._began_at + self._gather_s - time.monotonic()
                self._changed.wait_for(self._is_due, max(0.0, left_s))
                self._began_at = time.monotonic()
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            self._is_urgent = any(checkpoint.is_urgent for checkpoint in self._waiting)
            return batch, self._is_closed and not self._waiting

    def _is_due(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._waiting) >= MOST
