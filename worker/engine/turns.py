"""A queue ordered by turn: the lowest first, equal turns in order of arrival."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

from worker.engine.types import Turn

T = TypeVar("T")


class TurnQueue(Generic[T]):
    """Utterances that wait for a place in the engine; callers do the locking."""

    def __init__(self) -> None:
        self._heap: list[tuple[Turn, int, T]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, turn: Turn, item: T) -> None:
        """Add an item behind all others of its turn."""
        heapq.heappush(self._heap, (turn, next(self._numbers), item))

    @property
    def first(self) -> T:
        """The item whose turn it is."""
        return self._heap[0][2]

    @property
    def first_turn(self) -> Turn:
        """The turn of that item."""
        return self._heap[0][0]

    def remove(self, item: T) -> None:
        """Remove one item, wherever it is in the queue."""
        self.remove_if(lambda other: other is item)

    def remove_if(self, is_unwanted: Callable[[T], bool]) -> None:
        """Remove items, wherever they are in the queue."""
        self._heap = [entry for entry in self._heap if not is_unwanted(entry[2])]
        heapq.heapify(self._heap)

    def drain(self) -> list[T]:
        """Remove and return all items, in turn."""
        items = [entry[2] for entry in sorted(self._heap, key=lambda entry: entry[:2])]
        self._heap = []
        return items
