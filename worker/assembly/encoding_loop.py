"""Encodes parts for as long as there are any, on as many threads as there are encoders."""

import threading
from collections.abc import Callable


class EncodingLoop:
    """What a wake-up of encoders starts; its methods may be called from many threads.

    With one message per part, each part would wait in the queue behind all others, and threads that
    wait for a free encoder could not plan or assemble a job meanwhile.
    """

    def __init__(self, places: int) -> None:
        """`places` is how many parts are encoded at once."""
        self._free = places
        self._is_missed = False  # a wake-up found no free place: look once more before leaving one
        self._is_draining = False
        self._guard = threading.Lock()

    def run(self, encode_next: Callable[[], bool]) -> None:
        """Call `encode_next` until it returns False; return at once if no place is free."""
        if not self._enter():
            return
        try:
            while (not self._is_draining and encode_next()) or not self._leave():
                pass
        except BaseException:
            with self._guard:
                self._free += 1
            raise

    def drain(self) -> None:
        """Begin no more parts."""
        self._is_draining = True

    def _enter(self) -> bool:
        with self._guard:
            is_free = self._free > 0
            self._free -= is_free
            self._is_missed = self._is_missed or not is_free
        return is_free

    def _leave(self) -> bool:
        """Free the place, unless a wake-up was missed meanwhile."""
        with self._guard:
            if self._is_missed and not self._is_draining:
                self._is_missed = False
                return False
            self._free += 1
            return True
