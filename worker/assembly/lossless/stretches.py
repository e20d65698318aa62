"""Cuts a programme into stretches of half a minute, and makes the sound of one from stored takes.

A stretch ends where a chunk does, so that each take is read once. The frames of FLAC are on one
grid for the whole programme, so that they do not depend on where it is cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from narration.errors import IncompletePlanError
from narration.sound.gain import LevelSetting
from narration.sound.waveform import Waveform, decode_flac, to_int16
from worker.assembly.lossless.frames import BLOCK, encode_frames
from worker.assembly.types import Mark
from worker.chatterbox.config import SAMPLE_RATE_HZ

TARGET = 30 * SAMPLE_RATE_HZ  # samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples [start, end) of a programme, with the chunks [first, last) and nothing else."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchRequest:
    """A stretch to make. `peaks` are the true peaks of its takes, `marks` say where they go."""

    stretch: Stretch
    marks: tuple[Mark, ...]
    peaks: tuple[float, ...]
    setting: LevelSetting
    has_frames: bool  # whether FLAC is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchSound:
    """A stretch as 16-bit samples (little-endian) and as the FLAC frames that lie within it.

    What is before its first whole block and after its last is in the samples only.
    """

    start: int
    pcm: bytes
    frames: bytes = b""
    sizes_bytes: tuple[int, int] | None = None  # the smallest and the largest frame


def plan_stretches(marks: Sequence[Mark], samples: int) -> Iterator[Stretch]:
    """Divide a programme of `samples` samples; a long pause is divided, too, but no take is."""
    start = first = 0
    starts = [*(mark.start for mark in marks[1:]), samples]
    for number, (mark, following) in enumerate(zip(marks, starts, strict=False)):
        if following - start >= TARGET:
            for end in (*range(mark.end + TARGET, following, TARGET), following):
                yield Stretch(start=start, end=end, first=first, last=number + 1)
                start, first = end, number + 1
    if start < samples:
        yield Stretch(start=start, end=samples, first=first, last=len(marks))


def make_stretch(request: StretchRequest, flacs: Sequence[bytes]) -> StretchSound:
    """Decode the takes, set their level, put them in place and encode; equal for equal takes.

    Raises: IncompletePlanError if a take has another length than its mark; OutputError if one is
    damaged.
    """
    stretch = request.stretch
    samples = np.zeros(stretch.end - stretch.start, dtype="<i2")
    for flac, mark, peak in zip(flacs, request.marks, request.peaks, strict=True):
        take: Waveform = decode_flac(flac)
        if take.size != mark.end - mark.start:
            raise IncompletePlanError("a take is not the one that was measured")
        levelled = to_int16(request.setting.apply(take, peak=peak))
        samples[mark.start - stretch.start : mark.end - stretch.start] = levelled
    return encode_stretch(samples, stretch.start, has_frames=request.has_frames)


def encode_stretch(
    samples: "np.ndarray[tuple[int], np.dtype[np.int16]]", start: int, *, has_frames: bool
) -> StretchSound:
    """Return the samples of a programme from `start` on as bytes and, if wanted, as frames.

    Shapes: (S,).
    """
    pcm = samples.tobytes()
    before = lead(start)
    whole = (samples.size - before) // BLOCK
    if not has_frames or whole <= 0:
        return StretchSound(start=start, pcm=pcm)
    blocks = samples[before : before + whole * BLOCK]
    frames = encode_frames(blocks, (start + before) // BLOCK)
    sizes = [len(frame) for frame in frames]
    return StretchSound(
        start=start, pcm=pcm, frames=b"".join(frames), sizes_bytes=(min(sizes), max(sizes))
    )


def lead(start: int) -> int:
    """Return how many samples from `start` on belong to a block that began earlier."""
    return -start % BLOCK
