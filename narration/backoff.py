"""How long to wait before another try; pure, and the one place that says so."""

MAX_DOUBLINGS = 30  # beyond any limit in use, and no number grows without end


def backoff_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """Return the wait after so many failures in a row: doubled each time, up to the longest."""
    return min(first_s * 2.0 ** min(failures - 1, MAX_DOUBLINGS), longest_s)
