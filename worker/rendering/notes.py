"""Finished chunks on their way to the database: what has gathered is written in one transaction.

A transaction costs the interpreter about as much as ten chunks in it, so that there are at most
ten a second: what ends between two of them gathers. A chunk that comes after a pause is written
at once, and so is one that somebody waits for, with all that have gathered.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime

import structlog
from sqlalchemy import Engine

from narration.clock import Clock, utc_now
from narration.database import session_scope
from narration.errors import DatabaseUnavailable
from narration.jobs.checkpoints import FinishedChunk, Standing, checkpoint_all

log = structlog.get_logger(__name__)

GATHER_S = 0.1  # from the beginning of one transaction to that of the next
MOST = 128  # chunks in a transaction: more would keep the rows of their jobs locked for long

_Note = tuple[FinishedChunk, Future[Standing]]


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
        self._database = database
        self._until = until
        self._clock = clock
        self._gather_s = gather_s
        self._began_at = -gather_s
        self._waiting: list[_Note] = []
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
            self._waiting.append((chunk, standing))
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
        while notes := self._take():
            wanted = [note for note in notes if note[1].set_running_or_notify_cancel()]
            if wanted:
                self._write(wanted)

    def _take(self) -> list[_Note]:
        """Wait for notes; none means the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            left_s = self._began_at + self._gather_s - time.monotonic()
            self._changed.wait_for(self._is_due, max(0.0, left_s))
            self._began_at, self._is_urgent = time.monotonic(), False
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return taken

    def _is_due(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._waiting) >= MOST

    def _write(self, notes: Sequence[_Note]) -> None:
        try:
            standings = self._commit([chunk for chunk, _ in notes])
        except Exception as error:  # noqa: BLE001 - whoever waits for a note must learn of any
            self._write_apart(notes, error)
            return
        for (_, future), standing in zip(notes, standings, strict=True):
            future.set_result(standing)

    def _write_apart(self, notes: Sequence[_Note], error: Exception) -> None:
        """After an error that may be the fault of one chunk, write each by itself."""
        if len(notes) == 1 or isinstance(error, DatabaseUnavailable):
            for _, future in notes:
                future.set_exception(error)
            return
        log.warning("notes_written_apart", chunks=len(notes), reason=repr(error))
        for note in notes:
            self._write([note])

    def _commit(self, chunks: Sequence[FinishedChunk]) -> list[Standing]:
        try:
            return self._commit_once(chunks)
        except DatabaseUnavailable:
            # A connection may be old, and of two transactions that wait for each other one is
            # ended; what was committed all the same is not written again.
            return self._commit_once(chunks)

    def _commit_once(self, chunks: Sequence[FinishedChunk]) -> list[Standing]:
        with session_scope(self._database) as session:
            return checkpoint_all(session, chunks, until=self._until(), now=self._clock())
