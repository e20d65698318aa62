"""Deadlines: every stage ends at a given time and spreads its schedule over the time it has."""

import time


class Deadline:
    """A deadline, and the share of the time until then that has passed."""

    def __init__(self, until: float) -> None:
        self.start = time.time()
        self.until = until

    def is_past(self) -> bool:
        return time.time() >= self.until

    def progress(self) -> float:
        """Return the share of the time that has passed, from 0 to 1."""
        return min(1.0, (time.time() - self.start) / max(self.until - self.start, 1e-9))
