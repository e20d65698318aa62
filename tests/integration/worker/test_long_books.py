"""Memory hardly grows with the length of a book: each length is assembled in its own process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import parts
from worker.assembly.types import AudioFormat

_WRITE = r"""
import re, sys
from pathlib import Path
import numpy as np
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.take import measure_take
from narration.sound.waveform import encode_flac
from worker.assembly.lossless.stretches import StretchRequest, make_stretch, plan_stretches
from worker.assembly.lossless.write import write_lossless
from worker.assembly.measuring import measure
from worker.assembly.parts.plans import SpokenChunk
from worker.assembly.types import AudioFormat, Tags

noise = np.random.default_rng(1).standard_normal(12 * 24_000)
speech = (0.05 * noise * np.sin(np.arange(noise.size) / 4000) ** 2).astype(np.float32)
count = int(float(sys.argv[1]) * 294)  # 12 s and a quarter: 294 to the hour
level, flac = measure_take(speech), encode_flac(speech)
chunk = SpokenChunk(sha256="", samples=speech.size, pause=6000)
measured = measure([chunk] * count, [level] * count)
setting = LevelSetting(gain_db=2.0, loudness=Loudness())
path = Path(sys.argv[2])

def make(stretch):
    marks = measured.marks[stretch.first : stretch.last]
    peaks = (level.peak,) * len(marks)
    request = StretchRequest(
        stretch=stretch, marks=marks, peaks=peaks, setting=setting, has_frames=True
    )
    return make_stretch(request, [flac] * len(marks))

sounds = map(make, plan_stretches(measured.marks, measured.samples))
write_lossless(path, sounds, AudioFormat(path.suffix[1:]), tags=Tags())
# Not getrusage: its peak begins at that of the process that started this one.
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
_MOST_MB = 400
_MOST_GROWTH_MB = 12


def _output_of(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


@pytest.mark.parametrize("name", ["book.wav", "book.flac"])
def test_lossless_files_take_no_more_memory_for_a_long_book(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    short, long = (int(_output_of("-c", _WRITE, hours, path)) for hours in ("0.1", "0.7"))
    assert long < _MOST_MB
    assert long - short < _MOST_GROWTH_MB


def test_joining_parts_takes_no_more_memory_for_a_long_book(tmp_path: Path) -> None:
    parts.encode(AudioFormat.M4B, tmp_path, 0)
    short, long = (
        json.loads(
            _output_of("-m", "tests.bench.parts", "--hours", hours, "--join", "m4b", str(tmp_path))
        )["peak_mb"]
        for hours in ("0.2", "4")
    )
    assert long < _MOST_MB
    assert long - short < _MOST_GROWTH_MB
