"""Places for segments: some are kept for urgent ones and new jobs, so that no book takes all."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from narration.jobs.create import URGENT_PRIORITY
from narration.settings import WorkerSettings
from worker.engine.types import NORMAL_PRIORITY

LEAST_SLOTS = 4  # while one segment waits for its last chunk, others keep the engine busy
# Segments of jobs that have no other in work, beside all ordinary places; not of jobs of low
# priority, which would hold them until the others are done.
BEGINNINGS = 4


@dataclass(slots=True, kw_only=True)
class Place:
    """A place in use: which segments it is for.

    `least_priority` is the priority that a segment needs; `is_ordinary`: its job may have others in
    work.
    """

    least_priority: int = 0
    is_ordinary: bool = False
    is_missed: bool = False  # a wake-up found no place of this kind meanwhile: send another


URGENT_PLACE = Place(least_priority=URGENT_PRIORITY)


class Places:
    """Counts the segments that are being spoken, urgent ones excepted."""

    def __init__(self, ordinary: int) -> None:
        self._ordinary = ordinary
        self._taken = 0
        self._beginnings = 0
        self._is_missed = False
        self._is_beginning_missed = False
        self._guard = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[Place]:
        """Take a place: an ordinary one if one is free, else one for a new or an urgent job."""
        with self._guard:
            is_ordinary = self._taken < self._ordinary
            is_beginning = not is_ordinary and self._beginnings < BEGINNINGS
            self._taken += is_ordinary
            self._beginnings += is_beginning
            # Whoever releases an ordinary place must then look for the work that was skipped.
            self._is_missed = self._is_missed or not is_ordinary
            is_other = not is_ordinary and not is_beginning
            self._is_beginning_missed = self._is_beginning_missed or is_other
        least = 0 if is_ordinary else NORMAL_PRIORITY if is_beginning else URGENT_PRIORITY
        place = Place(least_priority=least, is_ordinary=is_ordinary)
        try:
            yield place
        finally:
            with self._guard:
                self._taken -= is_ordinary
                self._beginnings -= is_beginning
                if is_ordinary:
                    place.is_missed, self._is_missed = self._is_missed, False
                elif is_beginning:
                    place.is_missed = self._is_beginning_missed
                if is_ordinary or is_beginning:
                    self._is_beginning_missed = False


def slots_for(target_concurrency: int, settings: WorkerSettings) -> int:
    """Choose how many segments at once keep an engine busy.

    A segment's chunks go to the engine together, and the next segment is claimed once the last of
    them is done: on average a third of them are done already.
    """
    return max(LEAST_SLOTS, math.ceil(1.5 * target_concurrency / settings.segment_chunks))
