"""Limits the number of queued jobs without counting them at each submission."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from narration.errors import QueueFullError
from narration.jobs.listing import count_queued

COUNTED_FOR_S = 1.0


@dataclass(slots=True, kw_only=True)
class QueueRoom:
    """Remembers the count for a second, and adds what this process has submitted since.

    The limit protects the database, so it need not be exact: several processes may exceed it by
    what they submit within a second. Nobody is refused without a new count.
    """

    clock: Callable[[], float] = time.monotonic
    _queued: int = 0
    _counted_at: float = float("-inf")
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def require(self, session: Session, most: int, *, ahead: int = 0) -> None:
        """Check that one more job may be queued, after `ahead` others that are not counted yet.

        Raises: QueueFullError.
        """
        now = self.clock()
        with self._guard:
            if now - self._counted_at < COUNTED_FOR_S and self._queued + ahead < most:
                return
        queued = count_queued(session)
        with self._guard:
            self._queued, self._counted_at = queued, now
        if queued + ahead >= most:
            raise QueueFullError(f"{queued:,} jobs are waiting already: send this one later")

    def count_submitted(self) -> None:
        """Count a job that was just submitted."""
        with self._guard:
            self._queued += 1
