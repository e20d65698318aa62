"""What waits to be vocoded, and so whether T3 on vLLM's thread had better wait.

docs/decisions/0013-sound-goes-first.md says why.
"""

import threading

_MANY = 2.0  # batches of sound that may wait before a crowded T3 pauses


class Backlog:
    """The sound stage notes how far it is behind; T3 asks before each step.

    A T3 with more to say than it has slots pauses while the sound stage is behind. It would only
    fill the engine with what waits to be vocoded, and be left with a few utterances, whose steps
    cost little less than those of many.
    """

    def __init__(self) -> None:
        self._batches = 0.0
        self._changed = threading.Condition()

    def update(self, batches: float) -> None:
        """Note how many batches the sound stage has not begun with."""
        with self._changed:
            self._batches = batches
            self._changed.notify_all()

    def wait(self, timeout_s: float, *, is_crowded: bool) -> bool:
        """Wait until T3 may step; tell whether that is so.

        `is_crowded`: T3 has more to say than it has slots.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: not is_crowded or self._batches < _MANY, timeout_s
            )
