"""Memory of processes that keep most of what they open until they end."""

import ctypes
import gc
import sys

COLLECTED_AFTER = 10_000  # objects; Python's own threshold of 700 is less than a request makes
HEAPS = 2
_ARENA_MAX = -8  # M_ARENA_MAX in glibc's malloc.h


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
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, HEAPS)
