"""Limits how many utterances are inside the engine, and stops admitting when it closes.

An engine speaks each utterance the slower, the more of them it has: a full one takes some twenty
seconds for what it does alone in one. So an idle engine is not filled at once: the first few are
spoken quickly, whose listeners wait, and every one that ends makes room for more. The beginning of
what somebody listens to does not wait for that: only a full engine keeps it out.
"""

import threading
from collections.abc import Callable

from narration.errors import EngineDied
from worker.engine.turns import TurnQueue
from worker.engine.types import Turn, is_first_heard

FIRST = 16  # utterances in an engine that was idle
GROWTH = 4  # places that each utterance leaves behind when it ends, its own included


class Admission:
    """Counts utterances in and out; `enter` blocks while the engine is full (back-pressure).

    Those who wait enter by turn.
    """

    def __init__(self, limit: int, *, first: int = FIRST) -> None:
        """`first`: utterances at most in an engine that was idle."""
        self._limit = limit
        self._first = first
        self._window = min(first, limit)
        self._inside = 0
        self._is_closed = False
        self._waiting: TurnQueue[object] = TurnQueue()
        self._changed = threading.Condition()

    @property
    def inside(self) -> int:
        """How many have entered and not left."""
        return self._inside

    @property
    def waiting(self) -> int:
        """How many wait to enter."""
        return len(self._waiting)

    def enter(self, is_alive: Callable[[], bool], turn: Turn = ()) -> None:
        """Take a place, waiting for one if need be.

        Raises: EngineDied if the engine is closed or dead, also while waiting.
        """

        def is_open() -> bool:
            return not self._is_closed and is_alive()

        def is_our_turn() -> bool:
            return self._waiting.first is ticket and self._has_room()

        ticket = object()
        with self._changed:
            self._waiting.push(turn, ticket)
            self._changed.wait_for(lambda: not is_open() or is_our_turn())
            self._waiting.remove(ticket)
            if not is_open():
                raise EngineDied("the speech engine takes no more chunks: start a new worker")
            self._inside += 1
            if self._waiting and self._has_room():
                self._changed.notify_all()  # the next in turn may have found us before it

    def _has_room(self) -> bool:
        """Tell whether the next in turn may enter."""
        is_urgent = is_first_heard(self._waiting.first_turn)
        return self._inside < (self._limit if is_urgent else self._window)

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._inside -= 1
            is_idle = not self._inside and not self._waiting
            grown = self._first if is_idle else self._window + GROWTH - 1
            self._window = min(grown, self._limit)
            self._changed.notify_all()

    def close(self) -> None:
        """Admit nobody any more; those who wait get EngineDied."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait_empty(self) -> None:
        """Wait until no utterance is unfinished."""
        with self._changed:
            self._changed.wait_for(lambda: self._inside == 0)
