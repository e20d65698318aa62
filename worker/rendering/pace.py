"""How fast a worker speaks, measured while it has work; others estimate with it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WINDOW_S = 5.0  # of work; shorter ones would measure when chunks happen to end
KEPT = 8  # windows
# Windows with little work say less of what a worker can do than full ones.
QUANTILE = 0.75


class Pace:
    """Seconds of speech made in a second of work; its methods may run on many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._rates: deque[float] = deque(maxlen=KEPT)
        self._at_work = 0
        self._since = 0.0
        self._busy_s = 0.0  # of the present window
        self._spoken_s = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the time until the end as work; of several at once it counts once."""
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

    def note(self, spoken_s: float) -> None:
        """Add speech that was made just now."""
        with self._guard:
            self._spoken_s += spoken_s
            self._advance()

    @property
    def rate(self) -> float | None:
        """What it was lately; None until enough was spoken."""
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
