"""The prompts that wait for one of the decoder's slots, and which of them is next."""

import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Generic, TypeVar

from worker.engine.turns import TurnQueue
from worker.engine.types import Heard, Turn, heard

T = TypeVar("T")

_TOGETHER_S = 0.1  # how long later chunks of streams wait for others to join with


class SlotQueue(Generic[T]):
    """Later chunks of streams wait apart, and while they may not join, others pass them.

    A step that reads prompts takes as long as five others, almost however many it reads, and 200
    listeners cause twenty prompts a second. So later chunks of streams join together with whatever
    else joins; of themselves they do it at most ten times a second. Callers do the locking.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._streamed: TurnQueue[T] = TurnQueue()
        self._others: TurnQueue[T] = TurnQueue()
        self._joined_at = -_TOGETHER_S
        self._may_stream = True

    def __len__(self) -> int:
        return len(self._streamed) + len(self._others)

    def push(self, turn: Turn, item: T) -> None:
        """Add an item behind all others of its turn."""
        (self._streamed if heard(turn) is Heard.STREAMED else self._others).push(turn, item)

    def begin(self, *, is_idle: bool) -> None:
        """Begin to fill slots. `is_idle`: no slot is in use, so there is nothing to slow down."""
        self._may_stream = is_idle or self._clock() - self._joined_at >= _TOGETHER_S

    def next(self, *, has_room_for_streams: bool) -> tuple[Turn, T] | None:
        """Return what may join and comes first; None if nothing may.

        Without room for streams, later chunks of them wait, and nothing of a book joins beside
        those that are decoded: it would slow them down.
        """
        queue = self._choose(has_room=has_room_for_streams, may_stream=self._may_stream)
        return None if queue is None else (queue.first_turn, queue.first)

    def is_crowded(self, *, has_room_for_streams: bool) -> bool:
        """Tell whether one waits for a slot, and not for others to join with."""
        return self._choose(has_room=has_room_for_streams, may_stream=True) is not None

    def _choose(self, *, has_room: bool, may_stream: bool) -> TurnQueue[T] | None:
        if self._streamed and has_room and may_stream:
            is_first = not self._others or self._streamed.first_turn < self._others.first_turn
            return self._streamed if is_first else self._others
        if not self._others:
            return None
        is_book = heard(self._others.first_turn) is Heard.LATER
        must_wait = is_book and bool(self._streamed) and not has_room
        return None if must_wait else self._others

    def remove(self, item: T, *, has_joined: bool) -> None:
        """Take an item out of the queue, because it has a slot or was refused one."""
        for queue in (self._streamed, self._others):
            queue.remove(item)
        if has_joined:
            self._joined_at = self._clock()
            self._may_stream = True  # in the same step

    def remove_if(self, is_unwanted: Callable[[T], bool]) -> None:
        """Remove items, wherever they are in the queue."""
        for queue in (self._streamed, self._others):
            queue.remove_if(is_unwanted)

    def drain(self) -> Iterator[T]:
        """Remove and return all items."""
        return chain(self._others.drain(), self._streamed.drain())
