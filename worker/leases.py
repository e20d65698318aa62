"""Renews the leases of this process on one thread, however busy its other threads are.

The process reports itself three times per heartbeat, so a killed process counts as alive for at
most one heartbeat.
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

BEATS = 3  # reports per heartbeat
LOCK_WAIT_S = 0.2  # per lease: there may be hundreds of rows to renew


class Renew(Protocol):
    """Extends the lease of one piece of work; returns False if the lease is lost."""

    def __call__(self, session: Session, *, until: datetime) -> bool:
        """Write the new end of the lease."""


class Lease:
    """The lease of one piece of work."""

    def __init__(self, renew: Renew) -> None:
        self.renew = renew
        self.is_lost = threading.Event()

    def check(self) -> None:
        """Raise LeaseLost if another worker has the work by now."""
        if self.is_lost.is_set():
            raise LeaseLost


class LeaseKeeper:
    """Renews every lease of a process at each heartbeat, on its own thread."""

    def __init__(
        self, database: Engine, *, lease_s: float, heartbeat_s: float, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_s)
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._leases: set[Lease] = set()
        self._guard = threading.Lock()
        self._is_closed = threading.Event()
        self._beats: list[Callable[[], None]] = []
        self._trouble = TroubleLog("heartbeat_missed")
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    @contextmanager
    def keep(self, renew: Renew) -> Iterator[Lease]:
        """Renew a lease for as long as the block runs."""
        lease = Lease(renew)
        with self._guard:
            self._leases.add(lease)
        try:
            yield lease
        finally:
            with self._guard:
                self._leases.discard(lease)

    def until(self) -> datetime:
        """Return when a lease taken now expires."""
        return self._clock() + self._lease

    def on_beat(self, beat: Callable[[], None]) -> None:
        """Call `beat` three times per heartbeat; it may raise DatabaseUnavailable."""
        self._beats.append(beat)

    def close(self) -> None:
        """Stop renewing; leases that are still held expire by themselves."""
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
            leases = list(self._leases)
        locked: RowsLocked | None = None
        for lease in leases:
            try:
                with session_scope(self._database) as session:
                    limit_lock_waits(session, LOCK_WAIT_S)
                    is_kept = lease.renew(session, until=self.until())
            except RowsLocked as error:  # say, its job is being deleted; renew the others
                locked = error
                continue
            if not is_kept:
                lease.is_lost.set()
        if locked is not None:
            raise locked
