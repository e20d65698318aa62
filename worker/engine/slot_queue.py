"""The prompts that wait for one of the decoder's slots, and which of them is next."""

import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Generic, TypeVar

from worker.engine.turns import TurnQueue
from worker.engine.types import Heard, Turn, heard

T = TypeVar("T")

_TOGETHER_S = 0.1  # after a join, later chunks of streams wait so long, or until another joins


class SlotQueue(Generic[T]):
    """Keeps later chunks of streams apart from all others, which pass them while they may not join.

    A step that reads prompts takes twice as long as one that does not, or several times as long
    without a graph, almost however many it reads, and 200 listeners cause twenty prompts a second.
    So later chunks of streams join together with whatever else joins, and by themselves at most ten
    times a second. Callers do the locking.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._streamed: TurnQueue[T] = TurnQueue()
        self._others: TurnQueue[T] = TurnQueue()
        self._joined_at = -_TOGETHER_S
        self._has_joined = False  # whether anything has, since `begin_step`
        self._is_streams_turn = True

    def __len__(self) -> int:
        return len(self._streamed) + len(self._others)

    def push(self, turn: Turn, item: T) -> None:
        """Add an item behind all others of its turn."""
        (self._streamed if heard(turn) is Heard.STREAMED else self._others).push(turn, item)

    def begin_step(self, *, is_idle: bool) -> None:
        """Begin to fill slots before a step. `is_idle`: no slot is in use, so none is delayed."""
        self._has_joined = False
        self._is_streams_turn = is_idle or self._clock() - self._joined_at >= _TOGETHER_S

    def next(self, *, has_room_for_streams: bool) -> tuple[Turn, T] | None:
        """Return what may join and comes first; None if nothing may.

        While a later chunk of a stream waits, nothing of a book joins: it would take one of these
        with it, several times as often as they may join, and slow down those that are decoded.
        Once nothing is left to join, that time begins.
        """
        if self._has_joined and not (self._streamed and has_room_for_streams):
            self._joined_at = self._clock()  # none is left that only lacked a slot
        queue = self._choose(has_room_for_streams=has_room_for_streams)
        return None if queue is None else (queue.first_turn, queue.first)

    def is_crowded(self, *, has_room_for_streams: bool) -> bool:
        """Tell whether one waits that could join if a slot were free."""
        return self._choose(has_room_for_streams=has_room_for_streams) is not None

    def _choose(self, *, has_room_for_streams: bool) -> TurnQueue[T] | None:
        if self._streamed and has_room_for_streams and self._is_streams_turn:
            is_first = not self._others or self._streamed.first_turn < self._others.first_turn
            return self._streamed if is_first else self._others
        if not self._others:
            return None
        is_book = heard(self._others.first_turn) is Heard.LATER
        return None if is_book and self._streamed else self._others

    def remove(self, item: T, *, has_joined: bool) -> None:
        """Take an item out of the queue, because it has a slot or was refused one."""
        for queue in (self._streamed, self._others):
            queue.remove(item)
        if has_joined:
            self._has_joined = self._is_streams_turn = True

    def remove_if(self, is_unwanted: Callable[[T], bool]) -> None:
        """Remove items, wherever they are in the queue."""
        for queue in (self._streamed, self._others):
            queue.remove_if(is_unwanted)

    def drain(self) -> Iterator[T]:
        """Remove and return all items."""
        return chain(self._others.drain(), self._streamed.drain())
