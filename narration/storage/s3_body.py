"""The body of an object in a bucket, read as a file."""

from io import RawIOBase
from typing import Any

from botocore.exceptions import BotoCoreError, HTTPClientError

from narration.errors import StorageUnavailable


class ObjectBody(RawIOBase):
    """A response body as a raw stream that detects when it is cut short."""

    def __init__(self, body: Any, size_bytes: int, key: str) -> None:
        self._body = body
        self._left_bytes = size_bytes
        self._key = key

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer. Raises: StorageUnavailable if the body is cut short."""
        data = self._read(len(buffer))
        if not data and self._left_bytes > 0:
            raise StorageUnavailable(f"{self._key!r} ended {self._left_bytes} bytes early")
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Read the rest at once; the default reads it in blocks of 8 KB."""
        data = self._read(None)
        if self._left_bytes > 0:
            raise StorageUnavailable(f"{self._key!r} ended {self._left_bytes} bytes early")
        return data

    def _read(self, size: int | None) -> bytes:
        try:
            data: bytes = self._body.read(size)
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise StorageUnavailable(f"reading {self._key!r} was interrupted: {error}") from error
        self._left_bytes -= len(data)
        return data

    def close(self) -> None:
        """Close the response."""
        self._body.close()
        super().close()
