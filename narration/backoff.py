"""How long to wait before another try; pure, and used for every retry."""

MAX_DOUBLINGS = 30  # beyond any limit in use, so that numbers stay bounded


def backoff_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """Return the wait after this many failures in a row: doubled each time, up to the longest."""
    return min(first_s * 2.0 ** min(failures - 1, MAX_DOUBLINGS), longest_s)
