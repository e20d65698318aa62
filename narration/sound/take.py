"""How loud a take is, in bytes that its row carries: a programme is measured from rows alone."""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narration.sound.loudness import HOP, LoudnessMeter
from narration.sound.peaks import true_peak
from narration.sound.waveform import Waveform

_FLOOR_DB = -120.0
_STEPS_PER_DB = 400  # 16 bits hold -120 to +43 dB; rounding is far below what a meter shows
_HEADER = struct.Struct("<HH")
_INAUDIBLE = 10 ** (-60 / 20)  # quieter than this is silence in any recording


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLevel:
    """K-weighted mean squares per 100 ms (the last may be shorter), true peak, quiet end.

    Units: energies and peak relative to full scale; quiet_tail in samples.
    """

    energies: npt.NDArray[np.float64]
    peak: float
    quiet_tail: int = 0

    def pack(self) -> bytes:
        """Return it as bytes: some 20 per second."""
        peak = int(_to_steps(np.array([self.peak**2]))[0])
        tail = min(self.quiet_tail, 0xFFFF)
        return _HEADER.pack(peak, tail) + _to_steps(self.energies).astype("<u2").tobytes()


def unpack_level(data: bytes) -> TakeLevel:
    """Read what `pack` wrote."""
    peak, tail = _HEADER.unpack_from(data)
    energies = _from_steps(np.frombuffer(data, dtype="<u2", offset=_HEADER.size))
    return TakeLevel(
        energies=energies, peak=math.sqrt(float(_from_steps(np.array([peak]))[0])), quiet_tail=tail
    )


def measure_take(waveform: Waveform) -> TakeLevel:
    """Measure a waveform (S,) as it lies between two pauses."""
    meter = LoudnessMeter()
    meter.push(waveform)
    return TakeLevel(
        energies=meter.energies(), peak=true_peak(waveform), quiet_tail=_quiet_tail(waveform)
    )


def lay_out(takes: Iterable[tuple[int, TakeLevel]], samples: int) -> npt.NDArray[np.float64]:
    """Energies per 100 ms of a programme in which each take begins at the sample given with it.

    Shapes: -> (hops,). A take's own 100 ms seldom fall together with the programme's: the energy
    of each is shared between the two that it lies in.
    """
    energies = np.zeros(-(-samples // HOP) + 1)
    for start, take in takes:
        first, offset = divmod(start, HOP)
        last = first + take.energies.size
        head = _before(take.energies, 1 - offset / HOP)
        energies[first:last] += head
        energies[first + 1 : last + 1] += take.energies - head
    return energies[:-1]


def _before(energies: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """How much of each energy lies in the first share of its 100 ms, rising as its neighbours do.

    Shapes: (hops,) -> (hops,).
    """
    padded = np.pad(energies, 1)
    slopes = np.clip((padded[2:] - padded[:-2]) / 2, -2 * energies, 2 * energies)
    return energies * share - slopes * share * (1 - share) / 2


def _quiet_tail(waveform: Waveform) -> int:
    loud = np.flatnonzero(np.abs(waveform) > _INAUDIBLE)
    return waveform.size - 1 - int(loud[-1]) if loud.size else waveform.size


def _to_steps(squares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Squares as steps above the floor; what lies below it is 0."""
    floor = 10 ** (_FLOOR_DB / 10)
    level_db = 10 * np.log10(np.maximum(squares, floor))
    steps = np.rint((level_db - _FLOOR_DB) * _STEPS_PER_DB)
    return np.clip(steps, 0, 0xFFFF).astype(np.int64)


def _from_steps(steps: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    squares = 10 ** ((steps / _STEPS_PER_DB + _FLOOR_DB) / 10)
    return np.where(steps == 0, 0.0, squares)
