"""Writes a waveform to a lossless file as a job does, stretch by stretch."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from narration.sound.waveform import Waveform, to_int16
from worker.assembly.lossless.stretches import StretchSound, encode_stretch
from worker.assembly.lossless.write import write_lossless
from worker.assembly.types import AudioFormat, ChapterMark, Tags


def write(
    path: Path,
    sound: Waveform,
    *,
    cuts: Sequence[int] = (),
    tags: Tags | None = None,
    chapters: Sequence[ChapterMark] = (),
) -> Path:
    """Write it in the format that the name ends with, cut before these samples."""
    audio_format = AudioFormat(path.suffix[1:])
    sounds = stretches(sound, cuts)
    write_lossless(path, sounds, audio_format, tags=tags or Tags(), chapters=chapters)
    return path


def stretches(sound: Waveform, cuts: Sequence[int]) -> Iterator[StretchSound]:
    """Yield the stretches of a waveform."""
    samples = to_int16(sound)
    for start, end in pairwise([0, *cuts, samples.size]):
        if start < end:
            yield encode_stretch(samples[start:end], start, has_frames=True)
