import numpy as np
import pytest

from tests.listen.expression import pitch_range_st, rate_wps
from tests.listen.render_command import Clip, cut
from worker.chatterbox.config import SAMPLE_RATE_HZ


def sweep(semitones: float) -> Clip:
    """Two seconds of a voice-like sound that rises steadily by so many semitones."""
    time_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    pitch_hz = 120 * 2 ** (semitones / 12 * time_s / 2)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    sound = sum(np.sin(n * phase) / n for n in range(1, 8))
    return Clip(text="four words of text", waveform=(0.1 * sound).astype(np.float32))


@pytest.mark.parametrize("semitones", [2, 6, 12])
def test_pitch_range_is_that_of_the_middle_four_fifths(semitones: float) -> None:
    assert pitch_range_st([sweep(semitones)]) == pytest.approx(0.8 * semitones, rel=0.05)


def test_silence_among_clips_does_not_count_for_pitch() -> None:
    silence = Clip(text="nothing", waveform=np.zeros(SAMPLE_RATE_HZ, np.float32))
    assert pitch_range_st([sweep(6), silence]) == pytest.approx(pitch_range_st([sweep(6)]))


def test_rate_counts_words_per_second_over_all_clips() -> None:
    assert rate_wps([sweep(0), sweep(0)]) == pytest.approx(2)


def test_a_narration_is_cut_where_its_manifest_says() -> None:
    sound = np.arange(SAMPLE_RATE_HZ, dtype=np.float32)
    chunks = [
        {"text": "one", "start_s": 0.0, "duration_s": 0.25},
        {"text": "two", "start_s": 0.5, "duration_s": 0.5},
    ]
    one, two = cut(sound, {"chunks": chunks})
    assert (one.text, one.duration_s, two.text) == ("one", 0.25, "two")
    assert two.waveform[0] == SAMPLE_RATE_HZ // 2
