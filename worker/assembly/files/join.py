"""Joins encoded parts into one file, in one pass and in constant memory."""

from collections.abc import Iterable, Sequence
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
) -> None:
    """Write a file of `samples` samples from parts in the order of their places.

    Raises: OutputError if it cannot be written; no file is left behind then.
    """
    with replacing(path) as partial, partial.open("wb") as file:
        _JOINS[audio_format](file, places, parts, samples=samples, tags=tags, chapters=chapters)
