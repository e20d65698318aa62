import numpy as np
import pytest

from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.rendering.edges import _quick_length, trim_edges

_MS = SAMPLE_RATE_HZ // 1000


def _tone(duration_ms: int) -> Waveform:
    t = np.arange(duration_ms * _MS) / SAMPLE_RATE_HZ
    return (0.3 * np.cos(2 * np.pi * 220 * t)).astype(np.float32)


def _silence(duration_ms: int) -> Waveform:
    noise = np.random.default_rng(1).standard_normal(duration_ms * _MS)
    return (noise * 1e-4).astype(np.float32)


def test_silence_is_cut_to_a_margin() -> None:
    trimmed = trim_edges(np.concatenate([_silence(900), _tone(1000), _silence(1500)]))
    assert 1000 * _MS < trimmed.size <= (1000 + 40 + 80 + 20) * _MS


def test_speech_in_the_middle_stays_as_it_was() -> None:
    waveform = np.concatenate([_silence(900), _tone(1000), _silence(1500)])
    trimmed = trim_edges(waveform)
    middle = waveform[1100 * _MS : 1700 * _MS]
    lag = int(np.argmax(np.correlate(trimmed, middle[: 100 * _MS], mode="valid")))
    np.testing.assert_allclose(trimmed[lag : lag + middle.size], middle, atol=2e-4)


@pytest.mark.parametrize("duration_ms", [1, 3, 200])
def test_ends_are_faded_to_zero(duration_ms: int) -> None:
    trimmed = trim_edges(_tone(duration_ms))
    assert trimmed[0] == 0
    assert abs(trimmed[-1]) < 0.02


def test_seams_do_not_click() -> None:
    trimmed = trim_edges(_tone(500))
    steps = np.abs(np.diff(np.concatenate([trimmed, trimmed])))
    inside = 0.3 * 2 * np.pi * 220 / SAMPLE_RATE_HZ
    assert steps.max() < 1.5 * inside


def test_an_offset_is_taken_out() -> None:
    assert abs(trim_edges(_tone(1000) + np.float32(0.05))[200:-200].mean()) < 1e-3


def test_an_offset_in_speech_alone_puts_none_into_its_pauses() -> None:
    spoken = _tone(800) - np.float32(0.02)
    trimmed = trim_edges(np.concatenate([spoken, _silence(600), spoken]))
    pause = trimmed[1000 * _MS : 1200 * _MS]
    assert np.abs(pause).max() < 1.5e-3
    assert abs(trimmed[200 * _MS : 600 * _MS].mean()) < 1e-3


def test_silence_throughout_keeps_its_length() -> None:
    assert trim_edges(np.zeros(4800, dtype=np.float32)).size == 4800


def test_nothing_stays_nothing() -> None:
    assert trim_edges(np.zeros(0, dtype=np.float32)).size == 0


@pytest.mark.parametrize("length", [1, 12_001, 58_081, 312_007])
def test_lengths_that_are_transformed_have_no_large_prime(length: int) -> None:
    quick = _quick_length(length)
    assert length <= quick <= 1.04 * length
    assert quick % (1 << max(0, quick.bit_length() - 7)) == 0
