"""Finds a weight file on disk, whole or in parts, without reading it or loading torch."""

from pathlib import Path


def parts_of(path: Path) -> list[Path]:
    """Return the file if it exists, else the parts it is divided into if all are there, else none.

    Shapes of names: NAME.SUFFIX or NAME-00001-of-00003.SUFFIX.
    """
    if path.exists():
        return [path]
    first = sorted(path.parent.glob(f"{path.stem}-00001-of-*{path.suffix}"))
    if not first:
        return []
    count = int(first[-1].stem.rpartition("-")[2])
    parts = [part_path(path, number, count) for number in range(1, count + 1)]
    return parts if all(part.exists() for part in parts) else []


def part_path(path: Path, number: int, count: int) -> Path:
    """Return the path of a part of a file."""
    return path.with_name(f"{path.stem}-{number:05d}-of-{count:05d}{path.suffix}")
