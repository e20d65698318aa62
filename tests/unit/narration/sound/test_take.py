import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narration.sound.loudness import integrate
from narration.sound.take import TakeLevel, lay_out, measure_take, unpack_level
from narration.sound.waveform import Waveform
from tests.meter import meter
from tests.sounds import speak
from worker.chatterbox.config import SAMPLE_RATE_HZ


def _takes(count: int) -> list[Waveform]:
    """Takes of different length and level, as a book has."""
    draw = np.random.default_rng(count)
    return [
        speak(draw.uniform(2, 6), seed, level=0.25 * 10 ** (draw.normal(0, 2) / 20))
        for seed in range(count)
    ]


def _programme(takes: list[Waveform], pause: int) -> tuple[Waveform, list[int]]:
    silence = np.zeros(pause, dtype=np.float32)
    sound = np.concatenate([part for take in takes for part in (take, silence)])
    return sound, np.cumsum([0, *(take.size + pause for take in takes)])[:-1].tolist()


@pytest.mark.parametrize("pause_ms", [0, 80, 250, 1800])
def test_rows_tell_the_loudness_of_a_programme(pause_ms: int) -> None:
    takes = _takes(12)
    sound, starts = _programme(takes, pause_ms * SAMPLE_RATE_HZ // 1000)
    rows = [unpack_level(measure_take(take).pack()) for take in takes]
    measured = integrate(lay_out(zip(starts, rows, strict=True), sound.size))
    assert measured == pytest.approx(meter(sound)[0], abs=0.1)


def test_the_loudest_row_has_the_true_peak_of_a_programme() -> None:
    takes = _takes(4)
    sound, _ = _programme(takes, 6000)
    peak = max(unpack_level(measure_take(take).pack()).peak for take in takes)
    assert 20 * np.log10(peak) == pytest.approx(meter(sound)[1], abs=0.15)


def test_a_row_is_small() -> None:
    take = speak(10, 1)
    assert len(measure_take(take).pack()) < 25 * take.size / SAMPLE_RATE_HZ


@given(st.lists(st.floats(0, 10), max_size=9), st.floats(0, 10), st.integers(0, 40_000))
def test_a_row_comes_back_as_it_was_written(
    energies: list[float], peak: float, quiet_tail: int
) -> None:
    level = TakeLevel(energies=np.array(energies), peak=peak, quiet_tail=quiet_tail)
    found = unpack_level(level.pack())
    np.testing.assert_allclose(found.energies, level.energies, rtol=1e-3, atol=2e-12)
    assert found.peak == pytest.approx(peak, rel=1e-3, abs=2e-6)
    assert found.quiet_tail == quiet_tail


@given(st.integers(0, 30_000), st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_laying_takes_out_loses_no_energy(start: int, energies: list[float]) -> None:
    level = TakeLevel(energies=np.array(energies), peak=1.0)
    found = lay_out([(start, level)], start + 2400 * len(energies))
    assert found.sum() == pytest.approx(sum(energies), rel=1e-9, abs=1e-12)
    assert (found >= -1e-12).all()


def test_the_end_below_hearing_is_counted() -> None:
    sound = np.concatenate([np.full(100, 0.1), np.full(777, 0.0005)]).astype(np.float32)
    assert measure_take(sound).quiet_tail == 777


@pytest.mark.parametrize("size", [0, 1, 2399, 2400, 2401])
def test_takes_of_any_length_are_measured(size: int) -> None:
    level = measure_take(np.full(size, 0.1, dtype=np.float32))
    assert level.energies.size == -(-size // 2400)
