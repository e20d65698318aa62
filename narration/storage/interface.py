"""Objects by key: what any store offers.

Knows nothing of jobs; keys come from narration.storage.keys.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

Content: TypeAlias = bytes | Path | BinaryIO


BINARY = "application/octet-stream"


PROBE_KEY = ".rhapsode-write-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object that was put. `is_new` is False if it was write-once and there already."""

    key: str
    size_bytes: int
    sha256: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store says of an object without reading it."""

    key: str
    size_bytes: int


class Storage(Protocol):
    """A place for objects.

    Raises, from every method: StorageUnavailable if it does not answer, OutputError if it
    refuses us or the key is unsafe.
    """

    def put(
        self, key: str, content: Content, *, media_type: str = BINARY, is_write_once: bool = False
    ) -> Stored:
        """Store bytes, a file, or a stream from its present position; whole or not at all."""

    def get(self, key: str) -> bytes:
        """Read an object. Raises: NotFoundError."""

    def open(self, key: str) -> BinaryIO:
        """Open an object for streaming. Raises: NotFoundError."""

    def stat(self, key: str) -> ObjectInfo | None:
        """Look an object up, None if it is not there."""

    def find(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the objects whose keys begin with `prefix`."""

    def delete(self, key: str) -> None:
        """Delete an object; it need not be there."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete all objects in a folder (`prefix` ends with a slash); return how many."""

    def presign(self, key: str, *, expires_s: int, file_name: str | None = None) -> str | None:
        """Return a URL anybody can read for a while, None if only this process can serve it."""

    def presign_put(self, key: str, *, size_bytes: int, expires_s: int) -> str | None:
        """Return a URL to which anybody may PUT so many bytes for a while, None as above."""

    def check_writable(self, prefix: str) -> None:
        """Write and delete a small object below `prefix`."""


@contextmanager
def opened(content: Content) -> Iterator[BinaryIO]:
    """Give any content as a stream; a stream that was handed in stays open."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            yield file
    elif isinstance(content, bytes):
        yield BytesIO(content)
    else:
        yield content
