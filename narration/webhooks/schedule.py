"""When a message that was not accepted is sent again; pure but for the random part."""

import secrets

# Soon at first, in case the receiver restarts, then ever later: the last attempt comes about a day
# after the first.
WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
MOST_ATTEMPTS = len(WAITS_S) + 1
JITTER_PER_MILLE = 100  # so that messages that failed together are not retried together
LONGEST_WAIT_S = 28_800  # of those that receivers request


def wait_s(attempts: int, requested_s: float | None = None) -> float | None:
    """Return how long to wait after this many attempts; None if there is no further one.

    `requested_s` is the `Retry-After` of the receiver, followed within bounds.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    waits_s = max(float(WAITS_S[attempts - 1]), min(requested_s or 0.0, LONGEST_WAIT_S))
    return waits_s * (1 + secrets.randbelow(JITTER_PER_MILLE + 1) / 1000)
