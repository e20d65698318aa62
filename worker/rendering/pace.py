"""How fast a worker speaks, measured while it has work; used for estimates of a job's duration."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WINDOW_S = 5.0  # of work; a shorter window would mostly measure when chunks happen to finish
WINDOWS = 8  # windows
# Above the median: windows with little work understate what a worker can do.
QUANTILE = 0.75


class Pace:
    """Seconds of speech per second of work; its methods may be called from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._rates: deque[float] = deque(maxlen=WINDOWS)
        self._at_work = 0
        self._since = 0.0
        self._busy_s = 0.0  # of the current window
        self._spoken_s = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the time in the block as work; overlapping blocks count once."""
        with self._guard:
            if self._at_work == 0:
                self._since = self._clock()
            self._at_work += 1
        try:
            yield
        finally:
            with self._guard:
                self._advance()
                self._at_work -= 1

    def add_speech(self, spoken_s: float) -> None:
        """Add speech that was just spoken."""
        with self._guard:
            self._spoken_s += spoken_s
            self._advance()

    @property
    def rate(self) -> float | None:
        """The recent rate; None until enough was spoken."""
        with self._guard:
            if not self._rates:
                return None
            return sorted(self._rates)[int(QUANTILE * (len(self._rates) - 1))]

    def _advance(self) -> None:
        now = self._clock()
        self._busy_s += now - self._since
        self._since = now
        if self._busy_s < WINDOW_S:
            return
        if self._spoken_s > 0:
            self._rates.append(self._spoken_s / self._busy_s)
        self._busy_s = self._spoken_s = 0.0
