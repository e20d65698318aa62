"""Checks that a job's destination is writable when the job is submitted, not after hours."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from narration.storage.profiles import Stores

CHECKED_FOR_S = 600
MAX_REMEMBERED = 4096


class WriteCheck:
    """Remembers for ten minutes where a write succeeded."""

    def __init__(self, stores: Stores, clock: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._clock = clock
        self._checked: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def remembers(self, profile: str, prefix: str) -> bool:
        """Return whether a check of this place needs no write."""
        with self._lock:
            checked_at = self._checked.get((profile, prefix))
        return checked_at is not None and self._clock() - checked_at < CHECKED_FOR_S

    def require(self, profile: str, prefix: str) -> None:
        """Check that artifacts can be written below a prefix of a profile.

        Raises: OutputError, StorageUnavailable.
        """
        if self.remembers(profile, prefix):
            return
        place = (profile, prefix)
        # Outside the lock: a store that hangs must not delay jobs for another one.
        self._stores.profile(profile).check_writable(prefix)
        with self._lock:
            self._checked[place] = self._clock()
            self._checked.move_to_end(place)
            while len(self._checked) > MAX_REMEMBERED:
                self._checked.popitem(last=False)
