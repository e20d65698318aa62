"""Objects as files below one directory."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from narration.errors import NotFoundError, OutputError, StorageFull, StoreRefusal
from narration.storage.interface import (
    BINARY,
    NO_ROOM,
    PROBE_KEY,
    Content,
    ObjectInfo,
    Stored,
    opened,
)
from narration.storage.keys import check_key

BLOCK_BYTES = 1024 * 1024
FOLDER_TRIES = 8


class FileUpload:
    """Copies a file once it is complete: on one machine nothing is gained by beginning earlier."""

    def __init__(self, store: "DirectoryStorage", key: str, media_type: str) -> None:
        self._store = store
        self._key = key
        self._media_type = media_type

    def follow(self, path: Path, settled: range) -> None:
        """Do nothing yet."""

    def complete(self, path: Path) -> None:
        """Do nothing yet."""

    def finish(self, path: Path) -> Stored:
        """Store the file."""
        return self._store.put(self._key, path, media_type=self._media_type)

    def close(self) -> None:
        """Do nothing: an unfinished upload has left nothing."""


class DirectoryStorage:
    """Objects as files below one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(
        self, key: str, content: Content, *, media_type: str = BINARY, is_write_once: bool = False
    ) -> Stored:
        """Write to a temporary file, then link or rename it: readers see all of it or nothing."""
        del media_type  # a directory has nowhere to keep it
        path = self._path(key)
        with _refusals_named(path):
            handle, name = _temporary_in(path.parent)
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    size_bytes, sha256 = _copy(content, file)
                    file.flush()
                    os.fsync(file.fileno())
                is_new = _link_once(temporary, path) if is_write_once else _replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        return Stored(key=key, size_bytes=size_bytes, sha256=sha256, is_new=is_new)

    def begin_upload(self, key: str, *, media_type: str = BINARY) -> FileUpload:
        """Return what copies the file in the end."""
        return FileUpload(self, check_key(key), media_type)

    def get(self, key: str) -> bytes:
        """Read a file."""
        with self.open(key) as file:
            return file.read()

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading."""
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotFoundError(f"there is no object {key}") from error

    def stat(self, key: str) -> ObjectInfo | None:
        """Return a file's information."""
        path = self._path(key)
        return ObjectInfo(key=key, size_bytes=path.stat().st_size) if path.is_file() else None

    def find(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the files in the folder that `prefix` names, or that contains it."""
        folder = self._root / prefix.rpartition("/")[0]
        for path in sorted(folder.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            if path.is_file() and not path.name.startswith(".") and key.startswith(prefix):
                yield ObjectInfo(key=key, size_bytes=path.stat().st_size)

    def delete(self, key: str) -> None:
        """Remove a file, and the folders that become empty."""
        path = self._path(key)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            for folder in path.relative_to(self._root).parents:
                if folder != Path():
                    (self._root / folder).rmdir()

    def delete_prefix(self, prefix: str) -> int:
        """Remove a folder."""
        check_key(prefix.rstrip("/"))
        count = sum(1 for _ in self.find(prefix))
        shutil.rmtree(self._root / prefix, ignore_errors=True)
        return count

    def presign(self, key: str, *, expires_s: int, file_name: str | None = None) -> str | None:
        """Return None: only the process that has a file can serve it."""
        del key, expires_s, file_name
        return None

    def presign_put(self, key: str, *, size_bytes: int, expires_s: int) -> str | None:
        """Return None: as above."""
        del key, size_bytes, expires_s
        return None

    def check_writable(self, prefix: str) -> None:
        """Write and remove a small file."""
        key = f"{prefix}/{PROBE_KEY}" if prefix else PROBE_KEY
        self.put(key, b"")
        self.delete(key)

    def path_of(self, key: str) -> Path:
        """Return the file of an object, for readers on this machine that need a path."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        path = self._root / check_key(key)
        # A link in the tree could lead outside although the key looks harmless.
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise OutputError(f"{key!r} leads out of the storage directory")
        return path


def _temporary_in(folder: Path) -> tuple[int, str]:
    """Create a temporary file in a folder that another thread may be removing as empty."""
    for _ in range(FOLDER_TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return tempfile.mkstemp(dir=folder, prefix=".put-")
    return tempfile.mkstemp(dir=folder, prefix=".put-")


def _copy(content: Content, target: BinaryIO) -> tuple[int, str]:
    digest = hashlib.sha256()
    size_bytes = 0
    with opened(content) as source:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            size_bytes += target.write(block)
    return size_bytes, digest.hexdigest()


def _link_once(temporary: Path, path: Path) -> bool:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    return True


def _replace(temporary: Path, path: Path) -> bool:
    temporary.replace(path)
    return True


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"the disk of {path.parent} is full: free some space") from error
        raise StoreRefusal(f"{path} cannot be written: {error.strerror or error}") from error
