import numpy as np
import pytest

from narration.sound.peaks import limit_peaks, true_peak
from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ


def _sine(frequency_hz: float, phase: float) -> Waveform:
    t = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    return (np.hanning(t.size) * np.sin(2 * np.pi * frequency_hz * t + phase)).astype(np.float32)


def _speech(level: float) -> Waveform:
    noise = np.random.default_rng(1).standard_normal(2 * SAMPLE_RATE_HZ)
    swell = np.sin(np.arange(noise.size) / 3000) ** 4
    return (level * noise * swell).astype(np.float32)


@pytest.mark.parametrize(
    ("frequency_hz", "phase"), [(6000, np.pi / 4), (8000, np.pi / 3), (997, 0)]
)
def test_a_peak_between_samples_is_found(frequency_hz: float, phase: float) -> None:
    assert true_peak(_sine(frequency_hz, phase)) == pytest.approx(1.0, abs=0.02)


def test_a_known_peak_saves_work_but_changes_nothing() -> None:
    loud, soft = _speech(0.3), _speech(0.01)
    peak = true_peak(loud)
    assert true_peak(soft, above=peak) == peak
    assert true_peak(loud, above=peak * 0.9) == pytest.approx(peak)


@pytest.mark.parametrize("level", [0.5, 1.0, 4.0])
def test_no_true_peak_stays_above_the_ceiling(level: float) -> None:
    ceiling = 10 ** (-1.5 / 20)
    limited = limit_peaks(_speech(level), ceiling)
    assert 20 * np.log10(true_peak(limited)) < -1.45


def test_what_is_below_the_ceiling_is_not_touched() -> None:
    waveform = _speech(0.05)
    assert limit_peaks(waveform, 0.8) is waveform


def test_sound_away_from_a_peak_is_not_touched() -> None:
    waveform = _speech(0.05)
    waveform[30_000] = 2.0
    limited = limit_peaks(waveform, 0.8)
    away = np.abs(np.arange(waveform.size) - 30_000) > SAMPLE_RATE_HZ // 50
    np.testing.assert_allclose(limited[away], waveform[away], rtol=1e-6)


def test_nothing_has_no_peak() -> None:
    assert true_peak(np.zeros(0, dtype=np.float32)) == 0
