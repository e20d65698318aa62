"""Renews the leases of this process on one thread, however busy the others are.

The process reports itself three times per heartbeat, so that one that was killed counts as alive
for one heartbeat at most.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.clock import Clock, utc_now
from narration.database import limit_lock_waits, session_scope
from narration.errors import DatabaseUnavailable, DiskFull, LeaseLost, RowsLocked
from narration.telemetry import TroubleLog

BEATS = 3  # in a heartbeat
LOCK_WAIT_S = 0.2  # for the row of one lease: there may be hundreds to be renewed


class Renew(Protocol):
    """Keeps one piece of work until a moment; False if it is lost."""

    def __call__(self, session: Session, *, until: datetime) -> bool:
        """Write the new end of the lease."""


class Lease:
    """One piece of work that is being kept."""

    def __init__(self, renew: Renew) -> None:
        self.renew = renew
        self.is_lost = threading.Event()

    def check(self) -> None:
        """Raise LeaseLost if somebody else has the work by now."""
        if self.is_lost.is_set():
            raise LeaseLost


class LeaseKeeper:
    """Renews every lease of a process at each heartbeat, on a thread of its own."""

    def __init__(
        self, database: Engine, *, lease_s: float, heartbeat_s: float, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_s)
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._kept: set[Lease] = set()
        self._guard = threading.Lock()
        self._is_closed = threading.Event()
        self._beats: list[Callable[[], None]] = []
        self._trouble = TroubleLog("heartbeat_missed")
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    @contextmanager
    def keep(self, renew: Renew) -> Iterator[Lease]:
        """Keep a piece of work for as long as the block runs."""
        lease = Lease(renew)
        with self._guard:
            self._kept.add(lease)
        try:
            yield lease
        finally:
            with self._guard:
                self._kept.discard(lease)

    def until(self) -> datetime:
        """Return when a lease taken now runs out."""
        return self._clock() + self._lease

    def on_beat(self, beat: Callable[[], None]) -> None:
        """Call `beat` three times in a heartbeat; it may fail with DatabaseUnavailable."""
        self._beats.append(beat)

    def close(self) -> None:
        """Stop renewing; leases that are still kept run out by themselves."""
        self._is_closed.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._is_closed.wait(self._heartbeat_s / BEATS):
            turn += 1
            # A restart of the database, or its full disk, must not end the heartbeat.
            try:
                for beat in self._beats:
                    beat()
                if turn % BEATS == 0:
                    self._renew_all()
            except (DatabaseUnavailable, DiskFull) as error:
                self._trouble.note(str(error))
            else:
                self._trouble.clear()

    def _renew_all(self) -> None:
        with self._guard:
            kept = list(self._kept)
        locked: RowsLocked | None = None
        for lease in kept:
            try:
                with session_scope(self._database) as session:
                    limit_lock_waits(session, LOCK_WAIT_S)
                    is_kept = lease.renew(session, until=self.until())
            except RowsLocked as error:  # as while its job is deleted; the others must be kept
                locked = error
                continue
            if not is_kept:
                lease.is_lost.set()
        if locked is not None:
            raise locked
