"""Which utterances T3 decodes by themselves, because somebody hears them soon.

docs/decisions/0029-few-utterances-are-decoded-alone.md has the reasons and the figures.
"""

import time
from collections.abc import Callable

from worker.engine.types import Heard, Turn, heard

_FEW = 8  # a few utterances are at most one in this many
_SMALL = 16  # a step of this many utterances takes hardly longer than a step of one
_CREDIT_S = 6.0  # how long T3 may decode a few utterances while all others stand still


class Precedence:
    """The slots of one decoder that may be stepped without the others.

    A step of 512 utterances takes ten times as long as a step of a few. So the first sounds of
    streams, and the chunks of an article beside a book, are decoded alone. The others stand still
    meanwhile; on average they get at least half of the time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots: dict[Heard, set[int]] = {kind: set() for kind in Heard}
        self._credit_s = _CREDIT_S
        self._is_alone = False
        self._seen_at = clock()

    @property
    def has_silence(self) -> bool:
        """Whether a slot holds the first chunk of a stream: its listener hears nothing yet."""
        return bool(self._slots[Heard.FIRST])

    def add(self, slot: int, turn: Turn) -> None:
        """Note that an utterance has joined the decoder."""
        self._slots[heard(turn)].add(slot)

    def discard(self, slot: int) -> None:
        """Note that a slot is free."""
        for slots in self._slots.values():
            slots.discard(slot)

    def choose(self, running: int) -> frozenset[int]:
        """Return the slots of the next step, if others have to wait; `running`: slots in use.

        An empty set means that all are stepped.
        """
        self._settle()
        chosen = self._few(running) if self._credit_s > 0 else set()
        self._is_alone = bool(chosen)
        return frozenset(chosen)

    def _few(self, running: int) -> set[int]:
        if running <= _SMALL:
            return set()
        if self.has_silence:
            return self._slots[Heard.FIRST]
        soon = self._slots[Heard.SOON] | self._slots[Heard.STREAMED]
        return soon if len(soon) <= running // _FEW else set()

    def _settle(self) -> None:
        """Count the time since the last choice for or against those that are decoded alone."""
        now = self._clock()
        took_s, self._seen_at = now - self._seen_at, now
        earned_s = -took_s if self._is_alone else took_s
        self._credit_s = min(_CREDIT_S, self._credit_s + earned_s)
