import math

import numpy as np
import pytest

from narration.sound.loudness import LoudnessMeter
from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ


def _sine(duration_s: float, level_db: float, frequency_hz: float = 997.0) -> Waveform:
    t = np.arange(int(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def _loudness(*pieces: Waveform) -> float | None:
    meter = LoudnessMeter()
    for piece in pieces:
        meter.push(piece)
    return meter.finish()


def test_a_full_scale_sine_reads_as_the_standard_says() -> None:
    assert _loudness(_sine(20, 0)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("level_db", [-36.0, -23.0, -14.0])
def test_loudness_follows_level(level_db: float) -> None:
    assert _loudness(_sine(20, level_db)) == pytest.approx(level_db - 3.01, abs=0.1)


def test_quiet_parts_below_the_relative_gate_do_not_count() -> None:
    """Source: EBU Tech 3341, test signal 3, for one channel."""
    quiet = _sine(10, -36)
    assert _loudness(quiet, _sine(60, -23), quiet) == pytest.approx(-26.01, abs=0.1)


def test_silence_between_words_does_not_count() -> None:
    silence = np.zeros(60 * SAMPLE_RATE_HZ, dtype=np.float32)
    assert _loudness(_sine(20, -20), silence) == pytest.approx(-23.01, abs=0.15)


def test_bass_counts_less_and_treble_more() -> None:
    middle = _loudness(_sine(10, -20))
    bass, treble = _loudness(_sine(10, -20, 40.0)), _loudness(_sine(10, -20, 6000.0))
    assert bass is not None
    assert middle is not None
    assert treble is not None
    assert bass < middle - 5
    assert treble == pytest.approx(middle + 3.3, abs=0.5)


@pytest.mark.parametrize("size", [1, 777, 24_000, 200_000])
def test_the_size_of_the_pieces_does_not_matter(size: int) -> None:
    signal = _sine(1.0 if size == 1 else 10.0, -20)
    pieces = [signal[start : start + size] for start in range(0, signal.size, size)]
    assert _loudness(*pieces) == pytest.approx(_loudness(signal), abs=1e-3)


def test_silence_has_no_loudness() -> None:
    assert _loudness(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)) is None
    assert _loudness() is None


def test_a_word_shorter_than_a_block_has_one() -> None:
    loudness = _loudness(_sine(0.25, -20))
    assert loudness is not None
    assert math.isfinite(loudness)
