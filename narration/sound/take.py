"""The level of a take, as bytes in its row, so that a programme is measured from rows alone."""

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
_STEPS_PER_DB = 400  # 16 bits cover -120 to +43 dB; the rounding is far below what a meter shows
_HEADER = struct.Struct("<HH")
_INAUDIBLE = 10 ** (-60 / 20)  # below this, any recording counts as silent


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLevel:
    """K-weighted mean squares per 100 ms (the last may be shorter), true peak, length of quiet end.

    Units: energies and peak relative to full scale; quiet_tail in samples.
    """

    energies: npt.NDArray[np.float64]
    peak: float
    quiet_tail: int = 0

    def pack(self) -> bytes:
        """Return the level as bytes: about 20 per second."""
        peak = int(_to_steps(np.array([self.peak**2]))[0])
        tail = min(self.quiet_tail, 0xFFFF)
        return _HEADER.pack(peak, tail) + _to_steps(self.energies).astype("<u2").tobytes()


def pack_peak(peak: float) -> bytes:
    """Return the level of a take of which only the peak is known, rounded as in a whole one."""
    return TakeLevel(energies=np.zeros(0), peak=peak).pack()


def unpack_level(data: bytes) -> TakeLevel:
    """Read the output of `pack`."""
    peak, tail = _HEADER.unpack_from(data)
    energies = _from_steps(np.frombuffer(data, dtype="<u2", offset=_HEADER.size))
    return TakeLevel(
        energies=energies, peak=math.sqrt(float(_from_steps(np.array([peak]))[0])), quiet_tail=tail
    )


def measure_take(waveform: Waveform) -> TakeLevel:
    """Measure a waveform (S,) as if between two pauses."""
    meter = LoudnessMeter()
    meter.push(waveform)
    return TakeLevel(
        energies=meter.energies(), peak=true_peak(waveform), quiet_tail=_quiet_tail(waveform)
    )


def lay_out(takes: Iterable[tuple[int, TakeLevel]], samples: int) -> npt.NDArray[np.float64]:
    """Return energies per 100 ms of a programme, in which each take begins at its given sample.

    Shapes: -> (hops,). The 100 ms of a take rarely coincide with those of the programme: each
    energy is divided between the two that it overlaps.
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
    """Return how much of each energy is in the first share of its 100 ms, as neighbours suggest.

    Shapes: (hops,) -> (hops,).
    """
    # Not np.pad and np.clip: they take most of the time of measuring a book.
    padded = np.zeros(energies.size + 2)
    padded[1:-1] = energies
    steepest = 2 * energies
    slopes = np.minimum(np.maximum((padded[2:] - padded[:-2]) / 2, -steepest), steepest)
    return energies * share - slopes * share * (1 - share) / 2


def _quiet_tail(waveform: Waveform) -> int:
    loud = np.flatnonzero(np.abs(waveform) > _INAUDIBLE)
    return waveform.size - 1 - int(loud[-1]) if loud.size else waveform.size


def _to_steps(squares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return squares as steps above the floor; values below it become 0."""
    floor = 10 ** (_FLOOR_DB / 10)
    level_db = 10 * np.log10(np.maximum(squares, floor))
    steps = np.rint((level_db - _FLOOR_DB) * _STEPS_PER_DB)
    return np.clip(steps, 0, 0xFFFF).astype(np.int64)


def _from_steps(steps: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    squares = 10 ** ((steps / _STEPS_PER_DB + _FLOOR_DB) / 10)
    return np.where(steps == 0, 0.0, squares)
