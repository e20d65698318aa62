"""Which utterances go first in T3, because somebody hears them soon.

docs/decisions/0029-few-utterances-are-decoded-alone.md has the reasons and the figures.
"""

import time
from collections.abc import Callable

from worker.engine.types import Heard, Turn, heard

_FEW = 8  # a few utterances are at most one in this many
_SMALL = 16  # a step of this many utterances takes hardly longer than a step of one
# A step of this many takes at most twice as long as a step of one: those that go first are stepped
# with all others then, so that nobody stands still.
ALL_STEPPED = 64
# Later chunks of streams at once, those that are heard first: more would delay them all, and the
# first chunks.
_STREAMED = 64
_CREDIT_S = 6.0  # how long those that are heard soon may go first before the others get their half
_LEAST_CREDIT_S = 0.25  # without it T3 would change between few and all dozens of times a second


class Precedence:
    """The slots of one decoder that go first.

    Meanwhile T3 does not pause for the sound stage, and the sound stage starts no batch of a book.
    A step of 512 utterances takes ten times as long as a step of a few. So the first sounds of
    streams, and the chunks of an article beside a book, are stepped alone if there are many others,
    which stand still; on average these get at least half of the time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots: dict[Heard, set[int]] = {kind: set() for kind in Heard}
        self._credit_s = _CREDIT_S
        self._is_used_up = False
        self._is_first = False
        self._seen_at = clock()

    @property
    def is_silent(self) -> bool:
        """Whether a slot holds the first chunk of a stream, which may go before all others."""
        return bool(self._slots[Heard.FIRST]) and not self._is_used_up

    @property
    def has_room_for_streams(self) -> bool:
        """Whether a later chunk of a stream may take a slot, if one is free."""
        return len(self._slots[Heard.STREAMED]) < _STREAMED

    def add(self, slot: int, turn: Turn) -> None:
        """Note that an utterance has joined the decoder."""
        self._slots[heard(turn)].add(slot)

    def discard(self, slot: int) -> None:
        """Note that a slot is free."""
        for slots in self._slots.values():
            slots.discard(slot)

    def choose(self, running: int) -> frozenset[int]:
        """Return the slots that go first in the next step; `running`: slots in use.

        An empty set means that none does.
        """
        self._settle()
        chosen = set() if self._is_used_up else self._few(running)
        self._is_first = bool(chosen) or self.is_silent
        return frozenset(chosen)

    def _few(self, running: int) -> set[int]:
        # Streams that have so many later chunks to come would fall behind if these stood still.
        if running <= _SMALL or not self.has_room_for_streams:
            return set()
        if first := self._slots[Heard.FIRST]:
            return first if len(first) <= running // 2 else set()
        soon = self._slots[Heard.SOON] | self._slots[Heard.STREAMED]
        return soon if len(soon) <= running // _FEW else set()

    def _settle(self) -> None:
        """Count the time since the last choice for or against those that go first."""
        now = self._clock()
        took_s, self._seen_at = now - self._seen_at, now
        earned_s = -took_s if self._is_first else took_s
        self._credit_s = min(_CREDIT_S, self._credit_s + earned_s)
        self._is_used_up = self._credit_s < (_LEAST_CREDIT_S if self._is_used_up else 0)
