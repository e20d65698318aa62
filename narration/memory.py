"""Memory of processes that keep most of what they open until they end."""

import ctypes
import gc
import sys
from collections.abc import Mapping

COLLECTED_AFTER = 10_000  # objects; Python's own threshold of 700 is less than a request makes
HEAPS = 2
KEPT_BYTES = 64 << 20  # in each heap: what two of the longest chunks need while they are trimmed
LARGEST_BYTES = 32 << 20  # of one array; documented as the most that glibc accepts
# From glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8


def spare_garbage_collector() -> None:
    """Exempt from garbage collection what this process has opened, which lasts as long as it does.

    There are some hundred thousand such objects, beside an engine more than a million, and a full
    collection that looks at all of them stops every thread for a fifth of a second or longer. Few
    requests leave cycles, so it runs less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, *gc.get_threshold()[1:])


def share_heaps() -> None:
    """Let the threads of this process share two heaps, if its C library is glibc.

    By default glibc opens up to eight per core, and what one thread has freed stays unused in its
    heap while others grow theirs: a server with forty threads held 250 MB of free memory, ever
    more of it. Call it before threads start.
    """
    _set_up_malloc({_ARENA_MAX: HEAPS})


def keep_freed_memory() -> None:
    """Let this process reuse the memory of large arrays, if its C library is glibc.

    By default glibc soon returns it to the kernel, which has to clear every page of the next array:
    that was half of the time that trimming a take took. Call it before threads start.
    """
    _set_up_malloc({_MMAP_THRESHOLD: LARGEST_BYTES, _TRIM_THRESHOLD: KEPT_BYTES})


def _set_up_malloc(options: Mapping[int, int]) -> None:
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            for option, value in options.items():
                mallopt(option, value)
