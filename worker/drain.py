"""A worker's way out: nothing new is begun, and what is under way gets a grace period."""

import threading
import time


class Drain:
    """Seen by everything that works; begun once, from a signal handler at the latest."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._ends_at = float("inf")

    def begin(self, grace_s: float) -> None:
        """Start the grace period; a second call does not prolong it."""
        if not self._event.is_set():
            self._ends_at = time.monotonic() + grace_s
            self._event.set()

    @property
    def is_begun(self) -> bool:
        """Begin nothing more."""
        return self._event.is_set()

    @property
    def is_over(self) -> bool:
        """Hand back what is not done."""
        return time.monotonic() > self._ends_at
