"""Objects by key: the interface of every store.

Knows nothing of jobs; keys come from narration.storage.keys.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

Content: TypeAlias = bytes | Path | BinaryIO


BINARY = "application/octet-stream"
PROBE_KEY = ".rhapsode-write-test"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})  # errors of the system for a full disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The result of a put. `is_new` is False if the object was write-once and already there."""

    key: str
    size_bytes: int
    sha256: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store knows about an object without reading it."""

    key: str
    size_bytes: int


class Upload(Protocol):
    """An object that is sent while its file is being written; invisible until it is finished.

    Raises: as Storage.
    """

    def follow(self, path: Path, settled: range) -> None:
        """Send what can be sent of a file; its bytes in `settled` are written and stay."""

    def complete(self, path: Path) -> None:
        """Send the rest of a file that is complete, while the caller checks it."""

    def finish(self, path: Path) -> Stored:
        """Store the file, which is complete now."""

    def close(self) -> None:
        """End the upload; if it was not finished, nothing is stored."""


class Storage(Protocol):
    """A store of objects.

    Raises, from every method: StorageUnavailable if it does not answer, OutputError if it refuses
    access or the key is unsafe.
    """

    def put(
        self, key: str, content: Content, *, media_type: str = BINARY, is_write_once: bool = False
    ) -> Stored:
        """Store bytes, a file, or a stream from its current position; completely or not at all."""

    def begin_upload(self, key: str, *, media_type: str = BINARY) -> Upload:
        """Begin to store a file that is still to be written."""

    def get(self, key: str) -> bytes:
        """Read an object. Raises: NotFoundError."""

    def open(self, key: str) -> BinaryIO:
        """Open an object for streaming. Raises: NotFoundError."""

    def stat(self, key: str) -> ObjectInfo | None:
        """Return information on an object; None if it does not exist."""

    def find(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the objects whose keys begin with `prefix`."""

    def delete(self, key: str) -> None:
        """Delete an object, if it exists."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete all objects in a folder (`prefix` ends with a slash); return how many."""

    def presign(self, key: str, *, expires_s: int, file_name: str | None = None) -> str | None:
        """Return a temporary URL that anybody can read; None if only this process can serve it."""

    def presign_put(self, key: str, *, size_bytes: int, expires_s: int) -> str | None:
        """Return a temporary URL for a PUT of exactly this size; None as above."""

    def check_writable(self, prefix: str) -> None:
        """Write and delete a small object below `prefix`."""


@contextmanager
def opened(content: Content) -> Iterator[BinaryIO]:
    """Open any content as a stream; a stream that was passed in stays open."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            yield file
    elif isinstance(content, bytes):
        yield BytesIO(content)
    else:
        yield content
