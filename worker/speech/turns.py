"""One card, two stages: when T3 on vLLM's thread waits for the sound stage.

docs/decisions/0010-turns-on-the-card.md says why.
"""

import threading

_AHEAD = 2.0  # batches of sound that may wait before T3 pauses


class Turns:
    """The sound stage takes the card and gives it back; T3 asks before each step.

    A T3 with more to say than it has slots pauses while the sound stage is behind: the engine would
    fill with what waits to be vocoded, and a step of the few that are left to T3 costs little less
    than one of many. Without `takes_turns` that is all that T3 waits for.

    Taken twice, the card must be given back twice: a batch is begun before the one before it has
    ended.
    """

    def __init__(self, *, takes_turns: bool = True) -> None:
        self.takes_turns = takes_turns
        self._taken = 0
        self._waiting = 0.0
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

    def note_waiting(self, batches: float) -> None:
        """Note how much the sound stage has yet to begin with."""
        with self._changed:
            self._waiting = batches
            self._changed.notify_all()

    def wait(self, timeout_s: float, *, is_crowded: bool = False) -> bool:
        """Wait until T3 may step; tell whether that is so.

        `is_crowded`: T3 has more to say than it has slots.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._may_step(is_crowded=is_crowded), timeout_s)

    def _may_step(self, *, is_crowded: bool) -> bool:
        is_early = is_crowded and self._waiting >= _AHEAD
        return not is_early and not (self.takes_turns and self._taken)
