"""Requested files: checked before any work, delivered completely or not at all."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from narration.errors import OutputError
from narration.jobs.request import OutputFormat

KNOWN = ", ".join(OutputFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file to be written, and its format."""

    path: Path
    format: OutputFormat

    @property
    def manifest_path(self) -> Path:
        """The path of the manifest: next to the file, with the same name."""
        return self.path.with_suffix(".manifest.json")


def check_outputs(paths: list[Path], format_name: str | None) -> list[Output]:
    """Return the outputs, after checking that they can be written.

    Raises: OutputError naming the file and the reason.
    """
    outputs = [Output(path=path, format=_format_of(path, format_name)) for path in paths]
    formats = [output.format for output in outputs]
    if len(set(formats)) < len(formats):
        raise OutputError("two outputs have the same format: give each format one file")
    for output in outputs:
        _check_writable(output)
    return outputs


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path`, renamed to it at the end, or removed on any error.

    Raises: OutputError if the disk is full or the file cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as stream:
            temporary = Path(stream.name)
            try:
                yield stream  # type: ignore[misc]  # the wrapper is a BinaryIO in all but name
                stream.flush()
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {_reason(error)}") from error


def copy_whole(source: BinaryIO, path: Path) -> None:
    """Copy a stream to a file that appears only when it is complete.

    Raises: OutputError.
    """
    with written_whole(path) as target:
        shutil.copyfileobj(source, target, length=1 << 20)


def place_of(output: Output, name: str, *, is_split: bool) -> Path:
    """Return the path of a delivered file; chapter files go to a folder named after the output."""
    # Only the last component, because the name comes from a server.
    return output.path.with_suffix("") / Path(name).name if is_split else output.path


def visible_paths(outputs: list[Output], *, is_split: bool) -> list[Output]:
    """Return the outputs to show to a person: the folders, if files are split."""
    if not is_split:
        return outputs
    return [replace(output, path=output.path.with_suffix("")) for output in outputs]


def make_folder(path: Path) -> None:
    """Create the folder of a file.

    Raises: OutputError.
    """
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be created: {_reason(error)}") from error


def _format_of(path: Path, format_name: str | None) -> OutputFormat:
    name = (format_name or path.suffix.removeprefix(".")).lower()
    try:
        return OutputFormat(name)
    except ValueError:
        what = f"format {name!r}" if name else "a file without an ending"
        raise OutputError(f"{path}: {what} cannot be written; choose one of {KNOWN}") from None


def _check_writable(output: Output) -> None:
    path = output.path
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder: name a file in it")
        if not path.parent.is_dir():
            raise OutputError(f"{path}: the folder {path.parent} does not exist: create it first")
        # The longest name that will be needed, because a disk may refuse it.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{output.manifest_path.name}."):
            pass
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space and run the same command again"
    return error.strerror or str(error)
