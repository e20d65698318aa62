import numpy as np
import pytest

from narration.sound.gain import (
    STEP_DB,
    Loudness,
    VoiceLevel,
    choose_gain,
    correct_gain,
    expected_lufs,
    is_off,
    measure_voice,
    set_level,
)
from narration.sound.take import measure_take
from narration.sound.waveform import Waveform
from tests.meter import meter
from tests.sounds import speak


@pytest.fixture(scope="module")
def voice() -> VoiceLevel:
    level = measure_voice([speak(4, seed) for seed in range(100, 105)])
    assert level is not None
    return level


@pytest.fixture(scope="module")
def takes() -> list[Waveform]:
    return [speak(4, seed) for seed in range(10)]


def _finish(takes: list[Waveform], gain_db: float, loudness: Loudness) -> Waveform:
    silence = np.zeros(6000, dtype=np.float32)
    finished = [
        set_level(take, gain_db, loudness, peak=measure_take(take).peak)[0] for take in takes
    ]
    return np.concatenate([part for take in finished for part in (take, silence)])


@pytest.mark.parametrize(
    ("target_lufs", "allowed"), [(-23, 0.5), (-20, 0.5), (-18, 0.5), (-16, 0.5), (-14, 1.0)]
)
def test_programmes_reach_their_target(
    voice: VoiceLevel, takes: list[Waveform], target_lufs: float, allowed: float
) -> None:
    """The voice was measured on other sentences; one correction is allowed, as in a job."""
    loudness = Loudness(target_lufs=target_lufs)
    gain_db = choose_gain(voice, loudness)
    lufs, peak_db = meter(_finish(takes, gain_db, loudness))
    if is_off(lufs, loudness):
        gain_db = correct_gain(voice, loudness, used_db=gain_db, measured_lufs=lufs)
        lufs, peak_db = meter(_finish(takes, gain_db, loudness))
    assert lufs == pytest.approx(target_lufs, abs=allowed)
    assert peak_db < loudness.peak_db + 0.2


def test_what_the_limiter_takes_is_expected(voice: VoiceLevel, takes: list[Waveform]) -> None:
    loudness = Loudness(target_lufs=-14)
    for gain_db in (0.0, 6.0, 12.0):
        before = meter(_finish(takes, gain_db, Loudness(peak_db=100.0)))[0]
        after = meter(_finish(takes, gain_db, loudness))[0]
        lost = expected_lufs(voice, gain_db, loudness) - voice.lufs - gain_db
        assert lost == pytest.approx(after - before, abs=0.4)


def test_gains_come_in_steps(voice: VoiceLevel) -> None:
    for target_lufs in np.arange(-30, -8, 0.37):
        gain_db = choose_gain(voice, Loudness(target_lufs=float(target_lufs)))
        assert gain_db % STEP_DB == 0


def test_a_voice_spoken_louder_than_it_was_measured_is_turned_down() -> None:
    voice, loudness = VoiceLevel(lufs=-20.0), Loudness(target_lufs=-18.0, peak_db=0.0)
    assert choose_gain(voice, loudness) == 2.0
    assert is_off(-15.0, loudness)
    assert correct_gain(voice, loudness, used_db=2.0, measured_lufs=-15.0) == -1.0


def test_a_programme_near_its_target_is_left_alone() -> None:
    assert not is_off(-18.4, Loudness(target_lufs=-18.0))


def test_no_voice_is_driven_beyond_the_ceiling() -> None:
    assert choose_gain(VoiceLevel(lufs=-20.0), Loudness(target_lufs=-1.0, peak_db=-12.0)) == 8.0


def test_a_whisper_is_amplified_only_so_far() -> None:
    assert choose_gain(VoiceLevel(lufs=-65.0), Loudness()) == 24.0


def test_silence_has_no_level() -> None:
    assert measure_voice([np.zeros(48_000, dtype=np.float32)]) is None


def test_the_limiter_acts_only_where_it_must() -> None:
    take = speak(2, 1)
    peak = measure_take(take).peak
    quiet, is_limited = set_level(take, 0.0, Loudness(peak_db=0.0), peak=peak)
    np.testing.assert_array_equal(quiet, take)
    assert not is_limited
    assert set_level(take, 20.0, Loudness(), peak=peak)[1]
