from itertools import pairwise

import numpy as np
import pytest

from narration.sound.take import measure_take
from narration.sound.waveform import Waveform
from tests.meter import meter
from tests.sounds import speak
from worker.assembly.measuring import measure
from worker.assembly.parts.plans import SpokenChunk
from worker.assembly.types import Measurement

PAUSES = (6000, 0, 43_200, 0)


def _takes() -> list[Waveform]:
    return [speak(4, seed, 0.25) for seed in range(len(PAUSES))]


def _measured(takes: list[Waveform]) -> Measurement:
    chunks = [
        SpokenChunk(sha256="", samples=take.size, pause=pause)
        for take, pause in zip(takes, PAUSES, strict=False)
    ]
    return measure(chunks, [measure_take(take) for take in takes])


def test_marks_are_as_long_as_the_takes() -> None:
    measured = _measured(_takes())
    assert [mark.end - mark.start for mark in measured.marks] == [take.size for take in _takes()]
    assert measured.samples == sum(take.size for take in _takes()) + sum(PAUSES)


def test_pauses_lie_between_the_marks() -> None:
    gaps = [after.start - before.end for before, after in pairwise(_measured(_takes()).marks)]
    assert gaps == [6000, 0, 43_200]


def test_rows_tell_the_loudness_that_a_meter_finds() -> None:
    measured = _measured(_takes())
    sound = np.zeros(measured.samples, dtype=np.float32)
    for mark, take in zip(measured.marks, _takes(), strict=True):
        sound[mark.start : mark.end] = take
    lufs, peak_db = meter(sound)
    assert measured.lufs == pytest.approx(lufs, abs=0.1)
    assert measured.true_peak_db == pytest.approx(peak_db, abs=0.2)


def test_a_silent_programme_has_no_loudness() -> None:
    assert _measured([np.zeros(24_000, dtype=np.float32)]).lufs is None


def test_nothing_is_an_empty_programme() -> None:
    measured = measure([], [])
    assert (measured.marks, measured.samples, measured.lufs) == ((), 0, None)
