"""Temporary disk space for the files that a worker assembles, limited and cleaned up.

The next worker removes the files of a killed one; a lock file tells whether a folder is still in
use.
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
POLL_S = 1.0
GB = 1e9

log = structlog.get_logger(__name__)


class Scratch:
    """One worker's folder, shared by its threads; by default in the system's temporary folder."""

    def __init__(
        self, limit_gb: float, parent: Path | None = None, *, poll_s: float = POLL_S
    ) -> None:
        # The parent is passed explicitly, since Python would choose another folder if the disk is
        # full.
        self._parent = parent
        self._poll_s = poll_s
        self._limit_bytes = int(limit_gb * GB)
        self._in_use_bytes = 0
        self._released = threading.Condition()
        self._root: Path | None = None
        self._lock: IO[str] | None = None

    @contextmanager
    def folder(self, needed_bytes: int, check: Callable[[], None]) -> Iterator[Path]:
        """Provide an empty folder for files of this many bytes; wait while others use the space.

        `check` is called while it waits, and may end the wait by raising.
        Raises: OutputError if it needs more than this worker may ever use; DiskFull.
        """
        if needed_bytes > self._limit_bytes:
            raise OutputError(
                f"the audio takes {needed_bytes / GB:.1f} GB while it is assembled and "
                f"RHAPSODE_WORKER__SCRATCH_GB is {self._limit_bytes / GB:g}: raise it, or ask for "
                "a compressed format"
            )
        with self._released:
            while self._in_use_bytes + needed_bytes > self._limit_bytes:
                self._released.wait(self._poll_s)
                check()
            self._in_use_bytes += needed_bytes
        try:
            with tempfile.TemporaryDirectory(dir=self._open_root(needed_bytes)) as name:
                yield Path(name)
        finally:
            with self._released:
                self._in_use_bytes -= needed_bytes
                self._released.notify_all()

    def close(self) -> None:
        """Remove the folder; call it once nothing in it is in use."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def _open_root(self, needed_bytes: int) -> Path:
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
        except OSError:  # in use by another worker, or owned by another account
            continue
        log.info("scratch_cleared", folder=str(folder))
