"""Places for segments: some are reserved for urgent ones, so that a book never takes them all."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from narration.jobs.create import URGENT_PRIORITY
from narration.settings import WorkerSettings

LEAST_SLOTS = 4  # while one segment waits for its last chunk, others keep the engine busy


@dataclass(slots=True)
class Place:
    """A place in use; `least_priority` is the priority that a segment needs for it."""

    least_priority: int
    is_missed: bool = False  # a wake-up found no ordinary place meanwhile: send another


class Places:
    """Counts the segments that are being spoken, urgent ones excepted."""

    def __init__(self, ordinary: int) -> None:
        self._ordinary = ordinary
        self._taken = 0
        self._is_missed = False
        self._guard = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[Place]:
        """Take a place: an ordinary one if one is free, else one for urgent segments only."""
        with self._guard:
            is_ordinary = self._taken < self._ordinary
            self._taken += is_ordinary
            # Whoever releases an ordinary place must then look for the work that was skipped.
            self._is_missed = self._is_missed or not is_ordinary
        place = Place(least_priority=0 if is_ordinary else URGENT_PRIORITY)
        try:
            yield place
        finally:
            if is_ordinary:
                with self._guard:
                    self._taken -= 1
                    place.is_missed, self._is_missed = self._is_missed, False


def slots_for(target_concurrency: int, settings: WorkerSettings) -> int:
    """Choose how many segments at once keep an engine busy.

    A segment's chunks go to the engine together, and the next segment is claimed once the last of
    them is done: on average a third of them are done already.
    """
    return max(LEAST_SLOTS, math.ceil(1.5 * target_concurrency / settings.segment_chunks))
