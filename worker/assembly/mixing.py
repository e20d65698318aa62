"""Chunks in order -> one programme: measured in a first pass, played in a second.

Both passes hold one chunk at a time, whatever the length of the book.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from narration.errors import IncompletePlanError
from worker.assembly.types import Mark, Measurement
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.level.gain import Loudness
from worker.level.loudness import LoudnessMeter
from worker.level.peaks import limit_peaks, true_peak
from worker.waveform import Clip, Waveform

_MOST_GAIN_DB = 24.0  # a programme quieter than that is a fault, not a matter of gain
_QUIETEST_DB = -120.0


def measure(clips: Iterable[Clip]) -> Measurement:
    """Measure a programme: where each chunk will lie, how loud the whole is, its true peak."""
    meter = LoudnessMeter()
    marks: list[Mark] = []
    position, peak = 0, 0.0
    for clip in clips:
        end = position + clip.waveform.size
        marks.append(Mark(start=position, end=end))
        position = end + _pause_samples(clip)
        peak = true_peak(clip.waveform, above=peak)
        meter.push(clip.waveform)
        for silence in _silence(_pause_samples(clip)):
            meter.push(silence)
    peak_db = 20 * math.log10(peak) if peak > 0 else _QUIETEST_DB
    return Measurement(
        marks=tuple(marks), samples=position, lufs=meter.finish(), true_peak_db=peak_db
    )


def mix(
    clips: Iterable[Clip], measured: Measurement, loudness: Loudness | None
) -> Iterator[Waveform]:
    """Yield the programme's samples in order, at the loudness asked for; None changes nothing."""
    position = 0
    for index, clip in enumerate(clips):
        mark = measured.marks[index]
        if position != mark.start or clip.waveform.size != mark.end - mark.start:
            raise IncompletePlanError(f"chunk {index} is not the one that was measured")
        yield _set_level(clip.waveform, measured, loudness)
        yield from _silence(_pause_samples(clip))
        position = mark.end + _pause_samples(clip)
    if position != measured.samples:
        raise IncompletePlanError("a chunk was measured that was not played")


def gain_db(measured: Measurement, loudness: Loudness) -> float:
    """Gain that brings a programme to its target; a silent one stays as it is."""
    if measured.lufs is None:
        return 0.0
    return min(loudness.target_lufs - measured.lufs, _MOST_GAIN_DB)


def _set_level(waveform: Waveform, measured: Measurement, loudness: Loudness | None) -> Waveform:
    if loudness is None:
        return waveform
    gain = 10 ** (gain_db(measured, loudness) / 20)
    return limit_peaks(waveform * np.float32(gain), 10 ** (loudness.peak_db / 20))


def _pause_samples(clip: Clip) -> int:
    return clip.pause_after_ms * SAMPLE_RATE_HZ // 1000


def _silence(samples: int) -> Iterator[Waveform]:
    """Zeros, at most a second at a time: a pause may be set to an hour."""
    while samples > 0:
        size = min(samples, SAMPLE_RATE_HZ)
        yield np.zeros(size, dtype=np.float32)
        samples -= size
