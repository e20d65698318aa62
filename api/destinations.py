"""Test-writes a job's destination when the job is submitted, not after hours of rendering."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from narration.jobs.submit import Destination
from narration.storage.profiles import Stores

CHECKED_FOR_S = 600
MAX_REMEMBERED = 4096


class DestinationCheck:
    """Remembers for ten minutes where writing has just worked."""

    def __init__(self, stores: Stores, clock: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._clock = clock
        self._checked: OrderedDict[Destination, float] = OrderedDict()
        self._lock = threading.Lock()

    def require(self, destination: Destination) -> None:
        """Make sure that artifacts can be written there.

        Raises: OutputError, StorageUnavailable.
        """
        with self._lock:
            checked_at = self._checked.get(destination)
        if checked_at is not None and self._clock() - checked_at < CHECKED_FOR_S:
            return
        # Outside of the lock: a store that hangs must not hold up jobs for another one.
        self._stores.profile(destination.profile).check_writable(destination.prefix)
        with self._lock:
            self._checked[destination] = self._clock()
            self._checked.move_to_end(destination)
            while len(self._checked) > MAX_REMEMBERED:
                self._checked.popitem(last=False)
