"""Loudness: perceived energies of sound, and the integrated loudness computed from them.

Source: ITU-R BS.1770-5, annex 1 (K-weighting, gating); the filters' analogue parameters as fitted
by B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement" (AES 145, 2018),
because the standard tabulates them for 48 kHz only.
"""

import math
from array import array
from functools import cache

import numpy as np
import numpy.typing as npt

from narration.sound.waveform import SAMPLE_RATE_HZ, Waveform

HOP = SAMPLE_RATE_HZ // 10  # 400 ms blocks overlap by three quarters
_HOPS_PER_BLOCK = 4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LU = -0.691  # makes a 997 Hz sine at 0 dBFS read -3.01
_TAPS = SAMPLE_RATE_HZ // 5  # 200 ms: the 38 Hz high-pass has decayed to below -150 dB
_FFT = 1 << 16
_STEP = _FFT - _TAPS + 1


class LoudnessMeter:
    """Takes a stream in pieces of any size, and measures its integrated loudness so far."""

    def __init__(self) -> None:
        self._history = np.zeros(_TAPS - 1, dtype=np.float32)
        self._waiting: list[Waveform] = []
        self._waiting_size = 0
        self._partial: Waveform = np.zeros(0, dtype=np.float32)
        self._energies = array("d")  # one per 100 ms: 6 MB for 20 hours

    def push(self, samples: Waveform) -> None:
        """Add the next samples of the stream."""
        self._waiting.append(samples)
        self._waiting_size += samples.size
        if self._waiting_size < _STEP:
            return
        whole = np.concatenate(self._waiting)
        steps = whole.size // _STEP
        for step in range(steps):
            self._add_energy(whole[step * _STEP : (step + 1) * _STEP])
        rest = whole[steps * _STEP :].copy()
        self._waiting, self._waiting_size = [rest], rest.size

    def finish(self) -> float | None:
        """Return the integrated loudness in LUFS; None if nothing reaches the absolute gate."""
        return integrate(self.energies())

    def energies(self) -> npt.NDArray[np.float64]:
        """Return the K-weighted mean square of every 100 ms; a shorter last one counts in full.

        Shapes: -> (hops,).
        """
        if self._waiting_size:
            self._add_energy(np.concatenate(self._waiting))
            self._waiting, self._waiting_size = [], 0
        if self._partial.size:  # less than a hop: counted as one, so that short sounds are not lost
            self._energies.append(float(np.square(self._partial).sum()) / HOP)
            self._partial = self._partial[:0]
        return np.array(self._energies, dtype=np.float64)

    def _add_energy(self, samples: Waveform) -> None:
        """Filter up to _STEP samples by overlap-save and add up their energy."""
        block = np.zeros(_FFT, dtype=np.float32)
        block[: _TAPS - 1] = self._history
        block[_TAPS - 1 : _TAPS - 1 + samples.size] = samples
        filtered = np.fft.irfft(np.fft.rfft(block) * _response(), _FFT).astype(np.float32)
        weighted = filtered[_TAPS - 1 :][: samples.size]
        self._history = block[samples.size : samples.size + _TAPS - 1].copy()
        weighted = np.concatenate([self._partial, weighted])
        hops = weighted.size // HOP
        energies = np.square(weighted[: hops * HOP]).reshape(hops, HOP).mean(axis=1)
        self._energies.extend(energies.astype(float).tolist())
        self._partial = weighted[hops * HOP :].copy()


def integrate(energies: npt.NDArray[np.float64]) -> float | None:
    """Return the integrated loudness in LUFS of energies per 100 ms; None below the first gate.

    Shapes: (hops,).
    """
    if not energies.size:
        return None
    padded = np.pad(energies, (0, max(_HOPS_PER_BLOCK - energies.size, 0)))
    blocks = np.convolve(padded, np.full(_HOPS_PER_BLOCK, 1 / _HOPS_PER_BLOCK), mode="valid")
    loud = blocks[blocks > _energy(_ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return None
    relative = _energy(_loudness(float(loud.mean())) + _RELATIVE_GATE_LU)
    return _loudness(float(loud[loud > relative].mean()))


def _loudness(energy: float) -> float:
    return _OFFSET_LU + 10 * math.log10(energy)


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))


@cache
def _response() -> npt.NDArray[np.complex64]:
    """Return the spectrum of the K-weighting: its impulse response, cut where it has decayed."""
    impulse = np.zeros(_TAPS)
    impulse[0] = 1.0
    weighted = _biquad(_biquad(impulse, *_head_boost()), *_high_pass())
    return np.fft.rfft(weighted, _FFT).astype(np.complex64)


def _biquad(
    signal: npt.NDArray[np.float64], b: tuple[float, ...], a: tuple[float, ...]
) -> npt.NDArray[np.float64]:
    out = np.zeros_like(signal)
    x1 = x2 = y1 = y2 = 0.0
    for n, x in enumerate(signal.tolist()):
        y = (b[0] * x + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2) / a[0]
        x2, x1, y2, y1 = x1, x, y1, y
        out[n] = y
    return out


def _head_boost() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the high-frequency boost of 4 dB above 1.7 kHz, which models the head."""
    quality, k = 0.7071752369554196, math.tan(math.pi * 1681.974450955533 / SAMPLE_RATE_HZ)
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    return (
        (
            high + middle * k / quality + k * k,
            2 * (k * k - high),
            high - middle * k / quality + k * k,
        ),
        (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k),
    )


def _high_pass() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the second-order high-pass at 38 Hz, whose gain the standard leaves unnormalised."""
    quality, k = 0.5003270373238773, math.tan(math.pi * 38.13547087602444 / SAMPLE_RATE_HZ)
    scale = 1 + k / quality + k * k
    return (scale, -2 * scale, scale), (scale, 2 * (k * k - 1), 1 - k / quality + k * k)
