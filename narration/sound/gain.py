"""The gain that brings a voice to a target level, known before anything is spoken.

A gain belongs to a voice. Its level, and how much the limiter reduces it at each drive, are
measured once on a few sentences. Both vary little between texts, so that few programmes end up far
enough off to be encoded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from narration.sound.loudness import integrate
from narration.sound.peaks import limit_peaks
from narration.sound.take import TakeLevel, lay_out, measure_take
from narration.sound.waveform import SAMPLE_RATE_HZ, Waveform

STEP_DB = 0.5  # a smaller difference in level is no reason to encode anything again
ALLOWED_LU = 0.45  # a programme further off is encoded again; with rounding it stays within 0.5
_GAINS_DB = np.arange(-40.0, 24.1, STEP_DB)  # a voice that needs more has another problem
_DRIVES_LU = np.arange(-21.0, 0.1, 1.5)  # loudness before the limiter, above its ceiling
_SHIFTS_LU = np.arange(-20.0, 20.01, 0.05)
_PAUSE = SAMPLE_RATE_HZ // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """The target of a programme: integrated loudness and a ceiling for its true peak."""

    target_lufs: float = -18.0
    peak_db: float = -1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceLevel:
    """The loudness of a voice without gain, and how far a limiter reduces it per drive, in LU."""

    lufs: float
    losses: tuple[float, ...] = (0.0,) * len(_DRIVES_LU)


def measure_voice(waveforms: Sequence[Waveform]) -> VoiceLevel | None:
    """Measure a voice on some sentences spoken with it; None if they are silent."""
    lufs = _loudness(waveforms)
    if lufs is None:
        return None
    losses = []
    for drive in _DRIVES_LU:
        gain = np.float32(10 ** ((drive - lufs) / 20))
        limited = _loudness([limit_peaks(waveform * gain, 1.0) for waveform in waveforms])
        losses.append(round((limited or drive) - float(drive), 2))
    return VoiceLevel(lufs=round(lufs, 2), losses=tuple(losses))


def expected_lufs(level: VoiceLevel, gain_db: float, loudness: Loudness) -> float:
    """Return the expected loudness of a programme with this voice, after gain and limiter."""
    return float(_expect(level, np.array([level.lufs + gain_db]), loudness)[0])


def choose_gain(level: VoiceLevel, loudness: Loudness) -> float:
    """Return the gain in dB that comes closest to the target, in steps of half a decibel.

    If the limiter takes away much, the gain is raised further; the drive never exceeds the ceiling.
    """
    gains = _GAINS_DB[level.lufs + _GAINS_DB - loudness.peak_db <= _DRIVES_LU[-1]]
    if not gains.size:
        return float(_GAINS_DB[0])
    misses = np.abs(_expect(level, level.lufs + gains, loudness) - loudness.target_lufs)
    return float(gains[int(np.argmin(misses))])


def correct_gain(
    level: VoiceLevel, loudness: Loudness, *, used_db: float, measured_lufs: float
) -> float:
    """Return the right gain for a programme that measured `measured_lufs` with `used_db`."""
    shifted = level.lufs + _SHIFTS_LU
    misses = np.abs(_expect(level, shifted + used_db, loudness) - measured_lufs)
    return choose_gain(replace(level, lufs=float(shifted[int(np.argmin(misses))])), loudness)


def is_off(measured_lufs: float, loudness: Loudness) -> bool:
    """Return whether a programme misses its target by too much to be delivered, if avoidable."""
    return abs(measured_lufs - loudness.target_lufs) > ALLOWED_LU


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSetting:
    """What is applied to every take of a programme; without a loudness, nothing is."""

    gain_db: float = 0.0
    loudness: Loudness | None = None

    def describe(self) -> str:
        """Return a text that differs between settings with different results for the same take."""
        if self.loudness is None:
            return ""
        return f"{self.gain_db:g} dB below {self.loudness.peak_db:g} dB"

    def is_limiting(self, peak: float) -> bool:
        """Return whether the limiter affects a take with this true peak."""
        if self.loudness is None:
            return False
        return peak * 10 ** (self.gain_db / 20) > 10 ** (self.loudness.peak_db / 20)

    def apply(self, waveform: Waveform, *, peak: float) -> Waveform:
        """Return the take at the right level."""
        if self.loudness is None:
            return waveform
        return set_level(waveform, self.gain_db, self.loudness, peak=peak)[0]

    def scale(self, level: TakeLevel) -> TakeLevel:
        """Scale the level of a take that the limiter does not affect."""
        if self.loudness is None:
            return level
        gain = 10 ** (self.gain_db / 20)
        return replace(level, energies=level.energies * gain**2, peak=level.peak * gain)


def set_level(
    waveform: Waveform, gain_db: float, loudness: Loudness, *, peak: float
) -> tuple[Waveform, bool]:
    """Return a take at the right level, and whether the limiter acted; `peak` is the take's.

    Shapes: (S,) -> (S,). The limiter sees this take only, so that parts do not depend on
    neighbours.
    """
    gain, ceiling = 10 ** (gain_db / 20), 10 ** (loudness.peak_db / 20)
    scaled: Waveform = waveform * np.float32(gain)
    if peak * gain <= ceiling:
        return scaled, False
    return limit_peaks(scaled, ceiling), True


def _expect(
    level: VoiceLevel,
    before_lufs: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    loudness: Loudness,
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return before_lufs + np.interp(before_lufs - loudness.peak_db, _DRIVES_LU, level.losses)


def _loudness(waveforms: Sequence[Waveform]) -> float | None:
    takes, position = [], 0
    for waveform in waveforms:
        takes.append((position, measure_take(waveform)))
        position += waveform.size + _PAUSE
    return integrate(lay_out(takes, position))
