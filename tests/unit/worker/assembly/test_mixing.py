from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from narration.errors import IncompletePlanError
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.peaks import true_peak
from narration.sound.take import TakeLevel, measure_take
from narration.sound.waveform import Clip, Waveform
from tests.meter import meter
from tests.sounds import speak
from worker.assembly.mixing import measure, mix
from worker.assembly.parts.plans import SpokenChunk
from worker.assembly.types import Mark, Measurement
from worker.chatterbox.config import SAMPLE_RATE_HZ

PAUSES_MS = (250, 0, 1800, 0)


def _clips(level: float = 0.25) -> Iterator[Clip]:
    for seed, pause_ms in enumerate(PAUSES_MS):
        yield Clip(waveform=speak(4, seed, level), pause_after_ms=pause_ms)


def _measured(clips: list[Clip]) -> tuple[Measurement, list[TakeLevel]]:
    chunks = [
        SpokenChunk(sha256="", samples=c.waveform.size, pause=c.pause_after_ms * 24) for c in clips
    ]
    levels = [measure_take(clip.waveform) for clip in clips]
    return measure(chunks, levels), levels


def _played(level: float, setting: LevelSetting) -> tuple[Waveform, Measurement]:
    clips = list(_clips(level))
    measured, levels = _measured(clips)
    return np.concatenate(list(mix(clips, measured.marks, levels, setting))), measured


def test_every_chunk_lies_where_its_mark_says() -> None:
    sound, measured = _played(0.25, LevelSetting())
    assert sound.size == measured.samples
    for mark, clip in zip(measured.marks, _clips(), strict=True):
        np.testing.assert_array_equal(sound[mark.start : mark.end], clip.waveform)


def test_pauses_lie_between_the_marks() -> None:
    marks = _measured(list(_clips()))[0].marks
    gaps = [after.start - before.end for before, after in pairwise(marks)]
    assert gaps == [250 * 24, 0, 1800 * 24]


def test_rows_tell_the_loudness_that_a_meter_finds() -> None:
    sound, measured = _played(0.25, LevelSetting())
    lufs, peak_db = meter(sound)
    assert measured.lufs == pytest.approx(lufs, abs=0.1)
    assert measured.true_peak_db == pytest.approx(peak_db, abs=0.2)


def test_loud_settings_keep_below_the_peak() -> None:
    setting = LevelSetting(gain_db=24.0, loudness=Loudness(peak_db=-1.5))
    sound, _ = _played(0.25, setting)
    assert 20 * np.log10(true_peak(sound)) < -1.4


def test_chunks_keep_their_loudness_to_each_other() -> None:
    setting = LevelSetting(gain_db=-6.0, loudness=Loudness())
    sound, measured = _played(0.25, setting)
    for mark, clip in zip(measured.marks, _clips(), strict=True):
        expected = clip.waveform * np.float32(10 ** (-6 / 20))
        np.testing.assert_allclose(sound[mark.start : mark.end], expected, rtol=1e-5)


def test_a_silent_programme_has_no_loudness() -> None:
    silent = Clip(waveform=np.zeros(SAMPLE_RATE_HZ, dtype=np.float32), pause_after_ms=100)
    assert _measured([silent])[0].lufs is None


def test_nothing_is_an_empty_programme() -> None:
    measured = measure([], [])
    assert (measured.marks, measured.samples, measured.lufs) == ((), 0, None)


def test_a_long_pause_comes_in_pieces() -> None:
    clip = Clip(waveform=speak(2, 1), pause_after_ms=60_000)
    measured, levels = _measured([clip])
    pieces = list(mix([clip], measured.marks, levels, LevelSetting()))
    assert max(piece.size for piece in pieces[1:]) == SAMPLE_RATE_HZ
    assert sum(piece.size for piece in pieces[1:]) == 60 * SAMPLE_RATE_HZ


def test_other_chunks_than_were_measured_are_a_bug() -> None:
    clips = list(_clips())
    measured, levels = _measured(clips)
    with pytest.raises(IncompletePlanError, match="not played"):
        list(mix(clips[:1], measured.marks, levels, LevelSetting()))
    with pytest.raises(IncompletePlanError, match="not the one"):
        list(mix(clips[1:], measured.marks, levels, LevelSetting()))
    assert measured.marks[0] == Mark(start=0, end=clips[0].waveform.size)
