"""True peaks: what a converter makes between the samples; and keeping them under a ceiling.

Source: ITU-R BS.1770-5, annex 2 (four-fold oversampling); the interpolator is our own.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.waveform import Waveform

_PHASES = 4
_TAPS = 24  # per phase; reads a sine up to 10 kHz within 0.1 dB
_FRAME = SAMPLE_RATE_HZ // 1000  # 1 ms: gain is reckoned per frame
_LOOKAHEAD = 5  # frames before and after a peak in which the gain comes down and goes up again
_MARGIN = 10 ** (-0.1 / 20)  # a moving gain shifts peaks between samples by a hair


def true_peak(waveform: Waveform, *, above: float = 0.0) -> float:
    """Largest value between samples, or `above` where nothing exceeds it.

    Shapes: (S,). Frames that cannot exceed `above`, whatever lies between their samples, are left
    out, which makes a long programme cheap: most of it is far below its loudest moment.
    """
    if not waveform.size:
        return above
    peak = max(above, float(np.abs(waveform).max()))
    kernels = _kernels()
    bound = float(np.abs(kernels).sum(axis=1).max())
    highest = _frame_peaks(waveform)
    reach = -(-_TAPS // _FRAME)
    spread = _spread(highest, reach)
    for start, end in _runs(spread * bound > peak):
        first, last = max(start - reach, 0) * _FRAME, (end + reach) * _FRAME
        peak = max(peak, float(_between(waveform[first:last]).max(initial=0.0)))
    return peak


def limit_peaks(waveform: Waveform, ceiling: float) -> Waveform:
    """Turn the gain down around true peaks above the ceiling; elsewhere nothing changes.

    Shapes: (S,) -> (S,).   Units: ceiling as a share of full scale.
    """
    if true_peak(waveform, above=ceiling) <= ceiling:
        return waveform
    peaks = np.maximum(_frame_peaks(waveform), _frame_peaks(_between(waveform)))
    needed = np.minimum(1.0, ceiling * _MARGIN / np.maximum(peaks, 1e-9))
    lowest = -_spread(-needed, _LOOKAHEAD + 1)
    window = np.hanning(2 * _LOOKAHEAD + 3)[1:-1]
    padded = np.pad(lowest, _LOOKAHEAD, mode="edge")
    smooth = np.convolve(padded, window / window.sum(), mode="valid")
    centres = np.arange(smooth.size) * _FRAME + _FRAME / 2
    gain = np.interp(np.arange(waveform.size), centres, smooth)
    limited: Waveform = np.clip(waveform * gain, -ceiling, ceiling).astype(np.float32)
    return limited


@cache
def _kernels() -> npt.NDArray[np.float32]:
    """Windowed sinc for the three points between two samples.

    Shapes: (3, _TAPS).
    """
    taps = np.arange(_TAPS) - _TAPS // 2 + 1
    offsets = np.arange(1, _PHASES)[:, None] / _PHASES
    distance = taps[None, :] - offsets
    window = np.cos(np.pi * distance / (_TAPS + 1)) ** 2
    return (np.sinc(distance) * window).astype(np.float32)


def _between(waveform: Waveform) -> Waveform:
    """Magnitude of the largest of the three points after each sample.

    Shapes: (S,) -> (S,).
    """
    padded = np.pad(waveform, (_TAPS // 2 - 1, _TAPS // 2))
    largest = np.zeros(waveform.size, dtype=np.float32)
    for kernel in _kernels():
        np.maximum(largest, np.abs(np.correlate(padded, kernel, mode="valid")), out=largest)
    return largest


def _frame_peaks(waveform: Waveform) -> Waveform:
    frames = -(-waveform.size // _FRAME)
    padded = np.zeros(frames * _FRAME, dtype=np.float32)
    np.abs(waveform, out=padded[: waveform.size])
    return padded.reshape(frames, _FRAME).max(axis=1)


def _spread(values: Waveform, reach: int) -> Waveform:
    """Each value replaced by the largest within reach on either side."""
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    steps = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))
