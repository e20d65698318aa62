"""How clean speech sounds: Microsoft's DNSMOS P.835, and steady tones from a vocoder.

DNSMOS's weights are those of the package speechmos (MIT); its code asks for librosa and pandas, so
only the weights are used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import soxr

from tests.listen.render_command import Clip, Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ

HEARING_RATE_HZ = 16_000
PIECE = int(9.01 * HEARING_RATE_HZ)  # the length that the network accepts
LEVEL_DBFS = -23.0  # of the parts that are not silent, because scores depend on the level
PAUSE_S = 0.25  # between clips
# From raw output to opinion scores, as in the package: signal, background, overall.
SCALES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
WINDOW = 4096  # bins of 6 Hz
LOUD_SHARE = 0.7  # share of all windows; tones in pauses do not count
LINE = 1  # bins on either side that belong to the tone
NEAR = (6, 40)  # bins on either side that it is compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Scores from 1 to 5."""

    signal: float
    background: float
    overall: float


class QualityJudge:
    """Rates speech without a reference."""

    def __init__(self, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._network = onnxruntime.InferenceSession(str(_weights()), options)

    def rate(self, clips: Sequence[Clip]) -> Opinion:
        """Rate clips one after another, in pieces of nine seconds at the same level."""
        sound = soxr.resample(join(clips), SAMPLE_RATE_HZ, HEARING_RATE_HZ)
        scores = [self._rate_piece(piece) for piece in cut_pieces(sound, PIECE)]
        signal, background, overall = (float(score) for score in np.mean(scores, axis=0))
        return Opinion(signal=signal, background=background, overall=overall)

    def _rate_piece(self, piece: Waveform) -> list[float]:
        [raw] = self._network.run(None, {"input_1": level(piece)[None]})[0]
        return [float(np.polyval(scale, value)) for scale, value in zip(SCALES, raw, strict=True)]


def join(clips: Sequence[Clip]) -> Waveform:
    pause = round(PAUSE_S * SAMPLE_RATE_HZ)
    return np.concatenate([np.pad(clip.waveform, (0, pause)) for clip in clips])


def cut_pieces(sound: Waveform, size: int) -> list[Waveform]:
    """Cut into pieces of a size; a short end is left out, a single short piece is repeated."""
    starts = range(0, max(len(sound) - size // 2, 1), size)
    return [np.resize(sound[start : start + size], size) for start in starts]


def level(sound: Waveform) -> Waveform:
    """Scale audio so that its parts that are not silent have a set level, without clipping."""
    speech = sound[np.abs(sound) > 0.01 * np.abs(sound).max(initial=0)]
    rms = np.sqrt(np.mean(speech**2)) if len(speech) else 1.0
    scaled = sound * (10 ** (LEVEL_DBFS / 20) / rms)
    return (scaled * min(1.0, 0.99 / max(np.abs(scaled).max(initial=0), 1e-9))).astype(np.float32)


def prominence_db(sound: Waveform, tone_hz: float) -> float:
    """Return the level of a frequency above its neighbours during speech.

    The median over windows, because a steady tone is in all of them, a harmonic of a voice in few.
    """
    line = round(tone_hz * WINDOW / SAMPLE_RATE_HZ)
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[:: WINDOW // 2]
    power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW), axis=1)) ** 2 + 1e-14
    loudness = power.sum(axis=1)
    power = power[loudness >= np.quantile(loudness, 1 - LOUD_SHARE)]
    tone = power[:, line - LINE : line + LINE + 1].max(axis=1)
    first, last = NEAR
    below, above = slice(line - last, line - first), slice(line + first + 1, line + last + 1)
    near = np.median(np.concatenate([power[:, below], power[:, above]], axis=1), axis=1)
    return float(np.median(10 * np.log10(tone / near)))


def _weights() -> Path:
    spec = find_spec("speechmos")
    assert spec is not None, "speechmos is not installed: `make listen` does it"
    assert spec.origin is not None
    return Path(spec.origin).with_name("dnsmos_models") / "sig_bak_ovr.onnx"
