"""Reads stored parts for listeners, and caches a few of them in memory.

Players fetch a part in pieces, and many listeners fetch the same part. Parts are named by the
digest of their bytes, so the cache is never out of date.
"""

import hashlib
import threading
from collections import OrderedDict

from narration.errors import GoneError, NotFoundError
from narration.mp4.packets import Packets, read_fragment
from narration.storage.interface import Storage
from narration.storage.keys import part_audio_key

MAX_PART_BYTES = 32 * 1024 * 1024  # over an hour; parts are cut at a few minutes
MAX_CACHED_BYTES = 32 * 1024 * 1024


class PartReader:
    """One per process; may be used by many threads."""

    def __init__(self, store: Storage) -> None:
        self._store = store
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def read(self, sha256: str) -> Packets:
        """Return the packets of a part. Raises: GoneError if it was deleted or has changed."""
        with self._lock:
            fragment = self._cache.get(sha256)
            if fragment is not None:
                self._cache.move_to_end(sha256)
        if fragment is None:
            fragment = self._fetch(sha256)
            self._cache_part(sha256, fragment)
        return read_fragment(fragment)

    def _fetch(self, sha256: str) -> bytes:
        try:
            with self._store.open(part_audio_key(sha256)) as stream:
                fragment = stream.read(MAX_PART_BYTES)
        except NotFoundError as error:
            raise GoneError from error
        if hashlib.sha256(fragment).hexdigest() != sha256:
            raise GoneError
        return fragment

    def _cache_part(self, sha256: str, fragment: bytes) -> None:
        with self._lock:
            if sha256 not in self._cache:
                self._cache[sha256] = fragment
                self._size_bytes += len(fragment)
            while self._size_bytes > MAX_CACHED_BYTES:
                _, oldest = self._cache.popitem(last=False)
                self._size_bytes -= len(oldest)
