"""Several measurements start up side by side and then measure one at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(lock: Path | None) -> Iterator[None]:
    """Wait for the lock file, if there is one to wait for, and hold it."""
    if lock is None:
        yield
        return
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
