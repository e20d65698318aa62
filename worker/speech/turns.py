"""One card, two stages: while the sound stage has it, T3 on vLLM's thread waits.

Overlapped, the two are slower than one after the other: docs/decisions/0010-turns-on-the-card.md.
"""

import threading


class Turns:
    """The sound stage takes the card and gives it back; T3 asks before each step.

    Taken twice, it must be given back twice: a batch is begun before the one before it has ended.
    """

    def __init__(self) -> None:
        self._taken = 0
        self._changed = threading.Condition()

    def take(self) -> None:
        """Have the card from now on; a step of T3 that has begun still ends."""
        with self._changed:
            self._taken += 1

    def give_back(self) -> None:
        """Let T3 go on, unless a later batch has the card already."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nobody has the card; tell whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._taken, timeout_s)
