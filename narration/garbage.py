"""Garbage collection in processes that keep most of what they open until they end."""

import gc

COLLECTED_AFTER = 10_000  # objects; Python's own threshold of 700 is less than a request makes


def spare_garbage_collector() -> None:
    """Exempt from garbage collection what this process has opened, which lasts as long as it does.

    There are some hundred thousand such objects, beside an engine more than a million, and a full
    collection that looks at all of them stops every thread for a fifth of a second or longer. Few
    requests leave cycles, so it runs less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, *gc.get_threshold()[1:])
