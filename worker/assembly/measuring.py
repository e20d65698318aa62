"""Lays chunks out as a programme and measures it; all of that is known from their rows."""

import math
from collections.abc import Sequence
from itertools import accumulate

from narration.sound.loudness import integrate
from narration.sound.take import TakeLevel, lay_out
from worker.assembly.parts.plans import SpokenChunk
from worker.assembly.types import Mark, Measurement

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
