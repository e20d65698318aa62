"""Room on disk for the files a worker is putting together: a limit, and nothing left behind.

What a killed worker left there is removed by the next one, which knows by a lock that nobody uses
it any more.
"""

import fcntl
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import structlog

from narration.errors import DiskFull, OutputError

PREFIX = "rhapsode-scratch-"
LOCK = "lock"
GLANCE_S = 1.0
GB = 1e9

log = structlog.get_logger(__name__)


class Scratch:
    """One worker's folder, shared by its threads. Without a parent: among the temporary files."""

    def __init__(
        self, limit_gb: float, parent: Path | None = None, *, glance_s: float = GLANCE_S
    ) -> None:
        # A parent that is named is kept to: Python looks for another place if the disk is full.
        self._parent = parent
        self._glance_s = glance_s
        self._limit_bytes = int(limit_gb * GB)
        self._in_use_bytes = 0
        self._released = threading.Condition()
        self._root: Path | None = None
        self._lock: IO[str] | None = None

    @contextmanager
    def folder(self, needed_bytes: int, check: Callable[[], None]) -> Iterator[Path]:
        """Give an empty folder for files of so many bytes; wait while others use the room.

        `check` is called while it waits, and may end that by raising.
        Raises: OutputError if it is more than this worker may ever use; DiskFull.
        """
        if needed_bytes > self._limit_bytes:
            raise OutputError(
                f"the audio takes {needed_bytes / GB:.1f} GB while it is assembled and "
                f"RHAPSODE_WORKER__SCRATCH_GB is {self._limit_bytes / GB:g}: raise it, or ask for "
                "a compressed format"
            )
        with self._released:
            while self._in_use_bytes + needed_bytes > self._limit_bytes:
                self._released.wait(self._glance_s)
                check()
            self._in_use_bytes += needed_bytes
        try:
            with tempfile.TemporaryDirectory(dir=self._opened(needed_bytes)) as name:
                yield Path(name)
        finally:
            with self._released:
                self._in_use_bytes -= needed_bytes
                self._released.notify_all()

    def close(self) -> None:
        """Remove the folder; call it when nothing in it is used any more."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def _opened(self, needed_bytes: int) -> Path:
        with self._released:
            if self._root is None:
                parent = self._parent or Path(tempfile.gettempdir())
                _remove_leftovers(parent)
                self._root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
                self._lock = (self._root / LOCK).open("w")
                fcntl.flock(self._lock, fcntl.LOCK_EX)
        free_bytes = shutil.disk_usage(self._root).free
        if free_bytes < needed_bytes:
            raise DiskFull(
                f"the disk of {self._root.parent} is full: the audio needs "
                f"{needed_bytes / GB:.1f} GB and {free_bytes / GB:.1f} GB are free; "
                "free some space"
            )
        return self._root


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # used by another worker, or another account's
            continue
        log.info("scratch_cleared", folder=str(folder))
