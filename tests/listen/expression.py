"""How expressive a reading is: pitch by Praat (autocorrelation), words per second."""

from collections.abc import Sequence

import numpy as np
import parselmouth

from tests.listen.render_command import Clip, Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0  # the range of men and women reading aloud
STEP_S = 0.01
SEMITONES = 12


def pitch_range_st(clips: Sequence[Clip]) -> float:
    """Return the pitch range within a sentence in semitones: the median over clips.

    From the 10th to the 90th percentile of voiced frames, because the tails are octave errors. A
    median, because in some clips such errors are more than a tail: 2 of 20 had 26 semitones, the
    others 7.
    """
    ranges = [_range_st(clip.waveform) for clip in clips]
    return float(np.nanmedian(ranges))


def rate_wps(clips: Sequence[Clip]) -> float:
    """Return the words per second over all clips."""
    return sum(len(clip.text.split()) for clip in clips) / sum(clip.duration_s for clip in clips)


def _range_st(waveform: Waveform) -> float:
    sound = parselmouth.Sound(waveform.astype(np.float64), SAMPLE_RATE_HZ)
    pitch = sound.to_pitch_ac(
        time_step=STEP_S, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ
    ).selected_array["frequency"]
    voiced = pitch[pitch > 0]
    if len(voiced) == 0:
        return float("nan")
    low, high = np.percentile(SEMITONES * np.log2(voiced), [10, 90])
    return float(high - low)
