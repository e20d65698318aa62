"""Mixes chunks into a programme: laid out and measured from rows, then produced chunk by chunk."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np

from narration.errors import IncompletePlanError
from narration.sound.gain import LevelSetting
from narration.sound.loudness import integrate
from narration.sound.take import TakeLevel, lay_out
from narration.sound.waveform import Clip, Waveform
from worker.assembly.parts.plans import SpokenChunk
from worker.assembly.types import Mark, Measurement
from worker.chatterbox.config import SAMPLE_RATE_HZ

_QUIETEST_DB = -120.0


def measure(chunks: Sequence[SpokenChunk], levels: Sequence[TakeLevel]) -> Measurement:
    """Compute where each chunk goes, and the loudness and true peak; no sound is read."""
    starts = list(accumulate((c.samples + c.pause for c in chunks), initial=0))
    marks = [Mark(start=s, end=s + c.samples) for s, c in zip(starts, chunks, strict=False)]
    energies = lay_out(zip(starts, levels, strict=False), starts[-1])
    peak = max((level.peak for level in levels), default=0.0)
    return Measurement(
        marks=tuple(marks),
        samples=starts[-1],
        lufs=integrate(energies),
        true_peak_db=20 * math.log10(peak) if peak > 0 else _QUIETEST_DB,
    )


def mix(
    clips: Iterable[Clip],
    marks: Sequence[Mark],
    levels: Sequence[TakeLevel],
    setting: LevelSetting,
) -> Iterator[Waveform]:
    """Yield the programme's samples in order, every take at its target level."""
    played = 0
    for clip, mark, level in zip(clips, marks, levels, strict=False):
        if clip.waveform.size != mark.end - mark.start:
            raise IncompletePlanError(f"chunk {played} is not the one that was measured")
        yield setting.apply(clip.waveform, peak=level.peak)
        yield from _silence(clip.pause_after_ms * SAMPLE_RATE_HZ // 1000)
        played += 1
    if played != len(marks):
        raise IncompletePlanError("a chunk was measured that was not played")


def _silence(samples: int) -> Iterator[Waveform]:
    """Yield zeros, at most a second at a time: a pause may be set to an hour."""
    while samples > 0:
        size = min(samples, SAMPLE_RATE_HZ)
        yield np.zeros(size, dtype=np.float32)
        samples -= size
