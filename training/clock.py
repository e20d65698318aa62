"""Time boxes: every stage ends at a given moment and spreads its schedule over the time it has."""

import time


class Deadline:
    """A moment to end at, and how much of the time until then has passed."""

    def __init__(self, until: float) -> None:
        self.start = time.time()
        self.until = until

    def is_past(self) -> bool:
        return time.time() >= self.until

    def progress(self) -> float:
        """From 0 at the start to 1 at the end."""
        return min(1.0, (time.time() - self.start) / max(self.until - self.start, 1e-9))
