"""Limits how many utterances are inside the engine, and stops admitting when it closes.

The more utterances an engine holds, the slower it speaks each of them: one that takes a second
alone takes some twenty seconds in a full engine. So an idle engine is not filled at once: the first
few utterances, which listeners wait for, are spoken quickly, and each one that ends makes room for
many more, so that the engine is full soon after. The beginning of a stream does not wait for that:
only a full engine keeps it out.
"""

import threading
from collections.abc import Callable

from narration.errors import EngineDied
from worker.engine.turns import TurnQueue
from worker.engine.types import Heard, Turn, heard

FIRST = 16  # utterances admitted to an idle engine
GROWTH = 16  # places that open when an utterance ends, its own included


class Admission:
    """Counts utterances in and out; `enter` blocks while the engine is full (back-pressure).

    Waiting callers enter by turn.
    """

    def __init__(self, limit: int, *, first: int = FIRST) -> None:
        """`first`: how many utterances an idle engine admits."""
        self._limit = limit
        self._first = first
        self._window = min(first, limit)
        self._inside = dict.fromkeys(Heard, 0)
        self._is_closed = False
        self._waiting: TurnQueue[object] = TurnQueue()
        self._changed = threading.Condition()

    @property
    def inside(self) -> dict[Heard, int]:
        """How many utterances are inside, by how soon they are heard."""
        return dict(self._inside)

    @property
    def waiting(self) -> int:
        """How many callers wait to enter."""
        return len(self._waiting)

    def enter(self, is_alive: Callable[[], bool], turn: Turn = ()) -> None:
        """Take a place, waiting for one if necessary.

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
            self._inside[heard(turn)] += 1
            if self._waiting and self._has_room():
                self._changed.notify_all()  # the next in turn could not enter while we stood first

    def _has_room(self) -> bool:
        """Tell whether the next in turn may enter."""
        is_urgent = heard(self._waiting.first_turn) is Heard.FIRST
        return self._count() < (self._limit if is_urgent else self._window)

    def _count(self) -> int:
        return sum(self._inside.values())

    def leave(self, turn: Turn) -> None:
        """Release the place that was taken with this turn."""
        with self._changed:
            self._inside[heard(turn)] -= 1
            is_idle = not self._count() and not self._waiting
            grown = self._first if is_idle else self._window + GROWTH - 1
            self._window = min(grown, self._limit)
            self._changed.notify_all()

    def close(self) -> None:
        """Admit no more utterances; waiting callers get EngineDied."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait_empty(self) -> None:
        """Wait until no utterance is unfinished."""
        with self._changed:
            self._changed.wait_for(lambda: self._count() == 0)
