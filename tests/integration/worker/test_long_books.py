"""Memory hardly grows with the length of a book: each length is assembled in its own process."""

import subprocess
import sys
from pathlib import Path

import pytest

_ASSEMBLE = r"""
import re, sys
from pathlib import Path
import numpy as np
from worker.assembly.mixing import measure, mix
from worker.assembly.encode import encode
from worker.level.gain import Loudness
from worker.assembly.types import AudioFormat, ChapterMark, Tags
from worker.waveform import Clip

def clips():
    noise = np.random.default_rng(1).standard_normal(12 * 24_000)
    speech = (0.05 * noise * np.sin(np.arange(noise.size) / 4000) ** 2).astype(np.float32)
    for _ in range(int(float(sys.argv[1]) * 294)):  # 12 s and a quarter: 294 to the hour
        yield Clip(waveform=speech, pause_after_ms=250)

measured = measure(clips())
chapters = [ChapterMark(title="", start=mark.start) for mark in measured.marks[::100]]
path = Path(sys.argv[2])
encode(path, mix(clips(), measured, Loudness()), AudioFormat(path.suffix[1:]), tags=Tags(),
       chapters=chapters, samples=measured.samples)
# Not getrusage: its peak begins at that of the process that started this one.
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
_MOST_MB = 400
_MOST_GROWTH_MB = 12  # tests/bench/long_book.py measures 20 hours whole: 303 MB


def _peak_mb(hours: float, path: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _ASSEMBLE, str(hours), str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize(("ending", "hours"), [("wav", 0.7), ("m4b", 0.4)])
def test_a_long_book_takes_no_more_memory_than_a_short_one(
    tmp_path: Path, ending: str, hours: float
) -> None:
    short = _peak_mb(0.1, tmp_path / f"short.{ending}")
    long = _peak_mb(hours, tmp_path / f"long.{ending}")
    assert long < _MOST_MB
    assert long - short < _MOST_GROWTH_MB
