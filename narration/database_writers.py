"""The writers of one SQLite file in this process, one after the other, in order of arrival.

SQLite lets a writer that finds the file locked sleep for up to a tenth of a second and look again.
Whoever comes meanwhile goes first, so among a few busy threads one sometimes waits for seconds.
"""

import threading
from collections import deque


class WriterQueue:
    """Passes the turn to write from thread to thread; writers in other processes do not take part.

    Against those, SQLite's own lock decides, which every writer still takes.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    def enter(self, timeout_s: float) -> bool:
        """Wait for the turn; return False if it did not come in time."""
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(timeout_s):
            return True
        with self._guard:
            if turn.is_set():  # it came at the last moment
                return True
            self._waiting.remove(turn)
        return False

    def leave(self) -> None:
        """Pass the turn to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
