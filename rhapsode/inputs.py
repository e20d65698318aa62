"""Input files, read into memory only if they are small enough."""

import stat
import sys
from pathlib import Path

from narration.errors import DocumentError

STDIN = Path("-")
STDIN_NAME = "text.txt"


def read_input(path: Path, max_bytes: int) -> bytes:
    """Read a file of at most `max_bytes`; `-` is standard input.

    Raises: DocumentError if it is missing, larger, or a device or pipe that might never end.
    """
    if path == STDIN:
        data = sys.stdin.buffer.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise _too_large(path, len(data), max_bytes)
        return data
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"{path} is not a regular file: save it as one and name that")
        if status.st_size > max_bytes:
            raise _too_large(path, status.st_size, max_bytes)
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)  # it may have grown in the meantime
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read ({error.strerror}): name a file that exists"
        ) from error
    if len(data) > max_bytes:
        raise _too_large(path, len(data), max_bytes)
    return data


def _too_large(path: Path, size_bytes: int, max_bytes: int) -> DocumentError:
    return DocumentError(
        f"{path} has {size_bytes:,} bytes but the limit is {max_bytes:,}: use it in parts"
    )
