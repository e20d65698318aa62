"""Writes a file under a temporary name and renames it when it is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

from narration.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` if the block succeeds."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f'"{path}" cannot be written ({reason}): choose another place or make room there'
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
