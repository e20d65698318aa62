"""Joins encoded parts into one file, in one pass and in constant memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from narration.mp4.packets import Packets
from worker.assembly.files.mp3 import join_mp3
from worker.assembly.files.mp4 import join_mp4
from worker.assembly.files.opus import join_opus
from worker.assembly.parts.plans import Place
from worker.assembly.replacing import replacing
from worker.assembly.types import AudioFormat, ChapterMark, Tags

Follow = Callable[[Path, range], None]
"""Called with a file and the range of its bytes that are written and will not change."""


class _Join(Protocol):
    """Writes those packets of each part that its place asks for."""

    def __call__(
        self,
        file: BinaryIO,
        places: Sequence[Place],
        parts: Iterable[Packets],
        *,
        samples: int,
        tags: Tags,
        chapters: Sequence[ChapterMark],
    ) -> None: ...


_JOINS: dict[AudioFormat, _Join] = {
    AudioFormat.M4A: join_mp4,
    AudioFormat.M4B: partial(join_mp4, is_book=True),
    AudioFormat.MP3: join_mp3,
    AudioFormat.OPUS: join_opus,
}


def join_parts(
    path: Path,
    audio_format: AudioFormat,
    places: Sequence[Place],
    parts: Iterable[Packets],
    *,
    samples: int,
    tags: Tags,
    chapters: Sequence[ChapterMark] = (),
    follow: Follow | None = None,
) -> None:
    """Write a file of `samples` samples from parts in the order of their places.

    `follow` is called as it grows.
    Raises: OutputError if it cannot be written; no file is left behind then.
    """
    with replacing(path) as partial, partial.open("wb") as file:
        followed = parts if follow is None else _followed(parts, file, partial, follow)
        _JOINS[audio_format](file, places, followed, samples=samples, tags=tags, chapters=chapters)


def _followed(
    parts: Iterable[Packets], file: BinaryIO, path: Path, follow: Follow
) -> Iterator[Packets]:
    """Yield the parts; what was written before the first of them is an index that may change."""
    start: int | None = None
    for part in parts:
        position = file.tell()
        start = position if start is None else start
        file.flush()
        follow(path, range(start, position))
        yield part
