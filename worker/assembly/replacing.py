"""A file that is written under a temporary name and takes its place when it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

from narration.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside `path`; what is written there takes its place if all goes well."""
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
