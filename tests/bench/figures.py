"""Computes figures from measurements."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

_PAGE = 4096


def percentiles(seconds: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"p50_s": float(p50), "p95_s": float(p95)}


def by_time(finished: list[tuple[float, float, float]], parts: int) -> list[int]:
    """Audio seconds per second in each part of a book's time; `finished` as of `run_book`."""
    times, spoken = np.array(finished)[:, :2].T
    sums, _ = np.histogram(times, parts, (0, times[-1]), weights=spoken)
    return [round(x) for x in sums / (times[-1] / parts)]


def steady(finished: list[tuple[float, float, float]]) -> float:
    """Audio seconds per second without a book's start and end, where chunks come in bursts."""
    wall_s = finished[-1][0]
    inner = [row for row in finished if 0.2 * wall_s < row[0] < 0.75 * wall_s]
    times, spoken = np.array([row[0] for row in inner]), np.cumsum([row[1] for row in inner])
    return float(np.polyfit(times, spoken, 1)[0])


def resident_gb() -> float:
    """Return the memory of this process on the host."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e9


def error_of_sum(values: npt.ArrayLike) -> float:
    """Return the standard error of a sum of independent values."""
    return float(np.std(values) * np.sqrt(np.size(values)))
