"""True peaks, which occur between samples after conversion, and keeping them below a ceiling.

Source: ITU-R BS.1770-5, annex 2 (four-fold oversampling); the interpolator is our own.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from narration.sound.waveform import SAMPLE_RATE_HZ, Waveform

_PHASES = 4
_TAPS = 24  # per phase; measures a sine up to 10 kHz within 0.1 dB
_FRAME = SAMPLE_RATE_HZ // 1000  # 1 ms: the gain is computed per frame
_BLOCK = 64  # frames per product: few enough that a library uses one thread
_LOOKAHEAD = 5  # frames before and after a peak in which the gain falls and rises again
_MARGIN = 10 ** (-0.1 / 20)  # a changing gain shifts peaks between samples slightly


def true_peak(waveform: Waveform, *, above: float = 0.0) -> float:
    """Return the largest value between samples, or `above` if nothing exceeds it.

    Shapes: (S,). Frames that cannot exceed `above`, whatever is between their samples, are skipped.
    This makes a long programme cheap, as most of it is far below its loudest moment.
    """
    if not waveform.size:
        return above
    peak = max(above, float(np.abs(waveform).max()))
    return max(peak, float(_frame_true_peaks(waveform, peak).max()))


def limit_peaks(waveform: Waveform, ceiling: float) -> Waveform:
    """Reduce the gain around true peaks above the ceiling; everything else is unchanged.

    Shapes: (S,) -> (S,).   Units: ceiling as a share of full scale.
    """
    if not waveform.size:
        return waveform
    peaks = _frame_true_peaks(waveform, ceiling * _MARGIN)
    if peaks.max() <= ceiling:
        return waveform
    needed = np.minimum(1.0, ceiling * _MARGIN / np.maximum(peaks, 1e-9))
    lowest = -_spread(-needed, _LOOKAHEAD + 1)
    window = np.hanning(2 * _LOOKAHEAD + 3)[1:-1]
    padded = np.pad(lowest, _LOOKAHEAD, mode="edge")
    smooth = np.convolve(padded, window / window.sum(), mode="valid")
    limited = waveform * _between_centres(smooth.astype(np.float32), waveform.size)
    return np.clip(limited, np.float32(-ceiling), np.float32(ceiling), out=limited)


def _between_centres(gains: Waveform, size: int) -> Waveform:
    """Interpolate the gains of frames linearly between the centres of neighbouring frames.

    Shapes: (frames,) -> (size,).
    """
    padded = np.pad(gains, 1, mode="edge")
    steps = np.arange(_FRAME, dtype=np.float32) / np.float32(_FRAME)
    ramps = padded[:-1, None] + (padded[1:] - padded[:-1])[:, None] * steps
    return ramps.reshape(-1)[_FRAME // 2 :][:size]


def _frame_true_peaks(waveform: Waveform, above: float) -> Waveform:
    """Return the largest value of each frame, including between samples if that may exceed `above`.

    Shapes: (S,) -> (frames,).
    """
    peaks = _frame_peaks(waveform)
    bound = float(np.abs(_kernels()).sum(axis=1).max())
    reach = -(-_TAPS // _FRAME)
    loud = np.flatnonzero(_spread(peaks, reach) * bound > above)
    peaks[loud] = np.maximum(peaks[loud], _between(waveform, loud))
    return peaks


@cache
def _kernels() -> npt.NDArray[np.float32]:
    """Return windowed sinc kernels for the three points between two samples.

    Shapes: (3, _TAPS).
    """
    taps = np.arange(_TAPS) - _TAPS // 2 + 1
    offsets = np.arange(1, _PHASES)[:, None] / _PHASES
    distance = taps[None, :] - offsets
    window = np.cos(np.pi * distance / (_TAPS + 1)) ** 2
    return (np.sinc(distance) * window).astype(np.float32)


@cache
def _interpolator() -> npt.NDArray[np.float32]:
    """Return the kernels at every position of a frame: samples around it -> values in between.

    Shapes: (2 * _FRAME, 3 * _FRAME).
    """
    matrix = np.zeros((2 * _FRAME, _PHASES - 1, _FRAME), dtype=np.float32)
    for place in range(_FRAME):
        matrix[place : place + _TAPS, :, place] = _kernels().T
    return matrix.reshape(2 * _FRAME, -1)


def _between(waveform: Waveform, frames: npt.NDArray[np.int64]) -> Waveform:
    """Return the largest magnitude between samples in each of the given frames.

    Shapes: (S,), (F,) -> (F,). All products have one size, however many frames there are: libraries
    sum in a different order for different shapes, but the bytes must be equal.
    """
    padded = np.zeros(-(-waveform.size // _FRAME) * _FRAME + 2 * _FRAME, dtype=np.float32)
    padded[_TAPS // 2 - 1 :][: waveform.size] = waveform
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _FRAME - 1)[::_FRAME]
    rows = np.zeros((-(-frames.size // _BLOCK) * _BLOCK, 2 * _FRAME), dtype=np.float32)
    rows[: frames.size, :-1] = windows[frames]
    between = rows.reshape(-1, _BLOCK, 2 * _FRAME) @ _interpolator()
    largest: Waveform = np.abs(between).max(axis=2).reshape(-1)[: frames.size]
    return largest


def _frame_peaks(waveform: Waveform) -> Waveform:
    frames = -(-waveform.size // _FRAME)
    padded = np.zeros(frames * _FRAME, dtype=np.float32)
    np.abs(waveform, out=padded[: waveform.size])
    return padded.reshape(frames, _FRAME).max(axis=1)


def _spread(values: Waveform, reach: int) -> Waveform:
    """Replace each value by the largest one within reach on either side."""
    padded = np.pad(values, reach, mode="edge")
    largest = values.copy()
    for offset in range(2 * reach + 1):
        np.maximum(largest, padded[offset : offset + values.size], out=largest)
    return largest
