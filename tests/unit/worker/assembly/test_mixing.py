from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from narration.errors import IncompletePlanError
from worker.assembly.mixing import gain_db, measure, mix
from worker.assembly.types import Mark, Measurement
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.level.gain import Loudness
from worker.level.peaks import true_peak
from worker.waveform import Clip, Waveform


def _speech(seed: int, level: float = 0.05) -> Waveform:
    noise = np.random.default_rng(seed).standard_normal(2 * SAMPLE_RATE_HZ)
    return (level * noise * np.hanning(noise.size)).astype(np.float32)


def _clips(level: float = 0.05) -> Iterator[Clip]:
    for seed, pause_ms in enumerate((250, 0, 1800, 0)):
        yield Clip(waveform=_speech(seed, level), pause_after_ms=pause_ms)


def _played(level: float, loudness: Loudness | None) -> tuple[Waveform, Measurement]:
    measured = measure(_clips(level))
    return np.concatenate(list(mix(_clips(level), measured, loudness))), measured


def test_every_chunk_lies_where_its_mark_says() -> None:
    sound, measured = _played(0.05, None)
    assert sound.size == measured.samples
    for mark, clip in zip(measured.marks, _clips(), strict=True):
        np.testing.assert_array_equal(sound[mark.start : mark.end], clip.waveform)


def test_pauses_lie_between_the_marks() -> None:
    marks = measure(_clips()).marks
    gaps = [after.start - before.end for before, after in pairwise(marks)]
    assert gaps == [250 * 24, 0, 1800 * 24]


@pytest.mark.parametrize("level", [0.02, 0.05])
def test_a_programme_is_brought_to_its_target(level: float) -> None:
    sound, _ = _played(level, Loudness(target_lufs=-20.0))
    brought = measure([Clip(waveform=sound, pause_after_ms=0)]).lufs
    assert brought == pytest.approx(-20.0, abs=0.5)


def test_loud_targets_keep_below_the_peak() -> None:
    sound, _ = _played(0.05, Loudness(target_lufs=-8.0, peak_db=-1.5))
    assert 20 * np.log10(true_peak(sound)) < -1.4


def test_chunks_keep_their_loudness_to_each_other() -> None:
    sound, measured = _played(0.02, Loudness(target_lufs=-26.0))
    first, second = measured.marks[0], measured.marks[1]
    loudness = Loudness(target_lufs=-26.0)
    gain = 10 ** (gain_db(measured, loudness) / 20)
    np.testing.assert_allclose(sound[first.start : first.end], _speech(0, 0.02) * gain, rtol=1e-4)
    np.testing.assert_allclose(sound[second.start : second.end], _speech(1, 0.02) * gain, rtol=1e-4)


def test_a_silent_programme_is_not_amplified() -> None:
    silent = Clip(waveform=np.zeros(SAMPLE_RATE_HZ, dtype=np.float32), pause_after_ms=100)
    measured = measure([silent])
    assert measured.lufs is None
    assert not np.concatenate(list(mix([silent], measured, Loudness()))).any()


def test_a_whisper_is_amplified_only_so_far() -> None:
    measured = measure(_clips(0.001))
    assert gain_db(measured, Loudness()) == 24.0


def test_nothing_is_an_empty_programme() -> None:
    measured = measure([])
    assert (measured.marks, measured.samples, measured.lufs) == ((), 0, None)


def test_a_long_pause_comes_in_pieces() -> None:
    clip = Clip(waveform=_speech(1), pause_after_ms=60_000)
    pieces = list(mix([clip], measure([clip]), None))
    assert max(piece.size for piece in pieces) == 2 * SAMPLE_RATE_HZ
    assert sum(piece.size for piece in pieces) == 62 * SAMPLE_RATE_HZ


def test_other_chunks_than_were_measured_are_a_bug() -> None:
    measured = measure(_clips())
    fewer = [Clip(waveform=_speech(0), pause_after_ms=250)]
    with pytest.raises(IncompletePlanError, match="not played"):
        list(mix(fewer, measured, None))
    assert measured.marks[0] == Mark(start=0, end=2 * SAMPLE_RATE_HZ)
