"""Admission to the engine: bounds its unfinished utterances, and refuses more once it is closed."""

import threading
from collections.abc import Callable

from narration.errors import EngineDied


class Admission:
    """Counts utterances in and out; `enter` blocks while the engine is full (back-pressure)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._is_closed = False
        self._changed = threading.Condition()

    @property
    def inside(self) -> int:
        """How many have entered and not left."""
        return self._inside

    def enter(self, is_alive: Callable[[], bool]) -> None:
        """Take a place, waiting for one if need be.

        Raises: EngineDied if the engine is closed or dead, also while waiting.
        """

        def is_open() -> bool:
            return not self._is_closed and is_alive()

        with self._changed:
            self._changed.wait_for(lambda: self._inside < self._limit or not is_open())
            if not is_open():
                raise EngineDied("the speech engine takes no more chunks: start a new worker")
            self._inside += 1

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse further utterances; calls that wait to enter raise EngineDied."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait_empty(self) -> None:
        """Wait until no utterance is unfinished."""
        with self._changed:
            self._changed.wait_for(lambda: self._inside == 0)
