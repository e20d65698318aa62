"""Finished chunks on their way to the database: what has gathered is written in one transaction.

A transaction costs the interpreter about as much as ten chunks in it, so that there are at most
ten a second: what ends between two of them gathers. A chunk that comes after a pause is written
at once, and so is one that somebody waits for, with all that have gathered.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime

from sqlalchemy import Engine

from narration.clock import Clock, utc_now
from narration.jobs.checkpoints import FinishedChunk, Standing
from worker.rendering.note_commits import MOST, Note, NoteCommitter

GATHER_S = 0.1  # from the beginning of one transaction to that of the next


class NoteWriter:
    """Writes the ends of chunks on a thread of its own; its methods may run on many threads."""

    def __init__(
        self,
        database: Engine,
        until: Callable[[], datetime],
        clock: Clock = utc_now,
        *,
        gather_s: float = GATHER_S,
    ) -> None:
        """`until` tells when a lease that is renewed now runs out."""
        self._committer = NoteCommitter(database, until, clock)
        self._gather_s = gather_s
        self._began_at = -gather_s
        self._waiting: list[Note] = []
        self._is_urgent = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="notes", daemon=True)
        self._thread.start()

    def write(self, chunk: FinishedChunk, *, is_urgent: bool = False) -> Future[Standing]:
        """Write the end of a chunk soon, or at once if somebody waits for its sound.

        What is written is committed when the future is done; it may fail with DatabaseUnavailable
        or OutputError.
        """
        standing: Future[Standing] = Future()
        with self._changed:
            self._waiting.append(Note(chunk=chunk, standing=standing, is_urgent=is_urgent))
            self._is_urgent = self._is_urgent or is_urgent
            if len(self._waiting) == 1 or self._is_due():
                self._changed.notify()
        return standing

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        is_over = False
        while not is_over:
            notes, is_over = self._take()
            wanted = [note for note in notes if note.standing.set_running_or_notify_cancel()]
            if wanted:
                self._committer.write(wanted)
            self._committer.retry()
        self._committer.close()

    def _take(self) -> tuple[list[Note], bool]:
        """Wait for notes, or until a job that was locked is due; tell whether they are the last."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._is_closed, self._committer.next_in_s()
            )
            if self._waiting:
                left_s = self._began_at + self._gather_s - time.monotonic()
                self._changed.wait_for(self._is_due, max(0.0, left_s))
                self._began_at, self._is_urgent = time.monotonic(), False
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            return taken, self._is_closed and not self._waiting

    def _is_due(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._waiting) >= MOST
