"""Temporary disk space for the files that a worker assembles, limited and cleaned up.

The next worker removes the files of a killed one; a lock file tells whether a folder is still in
use.
"""

import fcntl
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from narration.errors import DiskFull, OutputError

PREFIX = "rhapsode-scratch-"
LOCK = "lock"
KEPT = "kept"
KEPT_SHARE = 0.25  # of the space
KEPT_S = 600.0  # the sound of a job that was deleted meanwhile must not stay
POLL_S = 1.0
GB = 1e9

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size_bytes: int
    ends_at: float


class Scratch:
    """One worker's folder, shared by its threads; by default in the system's temporary folder."""

    def __init__(
        self,
        limit_gb: float,
        parent: Path | None = None,
        *,
        poll_s: float = POLL_S,
        is_keeping: bool = False,
    ) -> None:
        """`is_keeping`: `keep` does so, since objects lie in a bucket and not on this disk."""
        # The parent is passed explicitly, since Python would choose another folder if the disk is
        # full.
        self._parent = parent
        self._poll_s = poll_s
        self._limit_bytes = int(limit_gb * GB)
        self._in_use_bytes = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # by name, the oldest first
        self._kept_bytes = 0
        self._kept_limit_bytes = int(self._limit_bytes * KEPT_SHARE) if is_keeping else 0
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
            self._make_room()
        try:
            with tempfile.TemporaryDirectory(dir=self._open_root(needed_bytes)) as name:
                yield Path(name)
        finally:
            with self._released:
                self._in_use_bytes -= needed_bytes
                self._released.notify_all()

    def keep(self, name: str, data: bytes) -> None:
        """Keep a copy of an object that is likely to be taken within minutes, if there is room."""
        with self._released:
            if len(data) > self._kept_room_bytes():
                return
        path: Path | None = None
        try:
            root = self._open_root(0)
            # Files that are being assembled may need all of their limit.
            if shutil.disk_usage(root).free < self._limit_bytes:
                return
            path = root / KEPT / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        except (OSError, DiskFull):  # then its taker does without
            if path is not None:
                _delete(path)
            return
        with self._released:
            self._forget(name)
            self._kept[name] = _Kept(path, len(data), time.monotonic() + KEPT_S)
            self._kept_bytes += len(data)
            self._make_room()

    def take(self, name: str) -> bytes | None:
        """Return the copy that was kept under a name, and delete it; None if there is none."""
        with self._released:
            kept = self._forget(name)
        if kept is None:
            return None
        try:
            return kept.path.read_bytes()
        except OSError:
            return None
        finally:
            _delete(kept.path)

    def drop_old(self) -> None:
        """Delete the copies that nobody took for long."""
        now = time.monotonic()
        with self._released:
            while self._kept and next(iter(self._kept.values())).ends_at < now:
                self._drop_oldest()

    def close(self) -> None:
        """Remove the folder; call it once nothing in it is in use."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def _kept_room_bytes(self) -> int:
        return min(self._kept_limit_bytes, self._limit_bytes - self._in_use_bytes)

    def _make_room(self) -> None:
        while self._kept_bytes > self._kept_room_bytes():
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        kept = self._forget(next(iter(self._kept)))
        assert kept is not None
        _delete(kept.path)

    def _forget(self, name: str) -> _Kept | None:
        kept = self._kept.pop(name, None)
        self._kept_bytes -= kept.size_bytes if kept else 0
        return kept

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


def _delete(copy: Path) -> None:
    with suppress(OSError):  # it is deleted with the folder at the latest
        copy.unlink()


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use by another worker, or owned by another account
            continue
        log.info("scratch_cleared", folder=str(folder))
