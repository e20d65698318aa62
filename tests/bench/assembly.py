"""How fast text becomes a plan and sound becomes a file: `python -m tests.bench.assembly`.

The text is random prose with figures and abbreviations, the sound is shaped noise, which is harder
on encoders than speech. Times are CPU seconds, so that other processes do not change them.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from narration.documents.read import read_document
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.take import TakeLevel, measure_take
from narration.sound.waveform import Waveform, encode_flac
from narration.text.chunk import plan_chunks
from tests.bench.planning import prose_with_figures
from worker.assembly.lossless.stretches import (
    StretchRequest,
    StretchSound,
    make_stretch,
    plan_stretches,
)
from worker.assembly.lossless.write import write_lossless
from worker.assembly.measuring import measure
from worker.assembly.parts.plans import SpokenChunk
from worker.assembly.types import AudioFormat, Measurement, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_CHARACTERS = 1_000_000
_HOURS = 0.25
_CHUNK_S = 12


def main() -> None:
    """Print one line per measurement."""
    text = "\n\n".join(prose_with_figures(_CHARACTERS))
    began = time.process_time()
    plan = plan_chunks(read_document(text.encode(), name="book.txt"))
    _report(f"plan {len(text):,} characters", began, f"{len(plan.chunks):,} chunks")
    began = time.process_time()
    sound = _sound()
    levels = [measure_take(sound) for _ in range(int(_HOURS * 3600 / _CHUNK_S))]
    _report("measure takes", began, _speed(began))
    began = time.process_time()
    size, pause = _CHUNK_S * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ // 4
    measured = measure([SpokenChunk(sha256="", samples=size, pause=pause)] * len(levels), levels)
    _report("measure a programme by its rows", began, _speed(began))
    flac = encode_flac(sound)
    with tempfile.TemporaryDirectory() as folder:
        for audio_format in (AudioFormat.WAV, AudioFormat.FLAC):
            began = time.process_time()
            sounds = _stretches(measured, levels, flac, has_frames=audio_format is AudioFormat.FLAC)
            path = Path(folder) / f"book.{audio_format}"
            write_lossless(path, sounds, audio_format, tags=Tags())
            _report(f"decode, level and write {audio_format}", began, _speed(began))


def _stretches(
    measured: Measurement, levels: list[TakeLevel], flac: bytes, *, has_frames: bool
) -> Iterator[StretchSound]:
    for stretch in plan_stretches(measured.marks, measured.samples):
        own = slice(stretch.first, stretch.last)
        request = StretchRequest(
            stretch=stretch,
            marks=measured.marks[own],
            peaks=tuple(level.peak for level in levels[own]),
            setting=LevelSetting(gain_db=2.0, loudness=Loudness()),
            has_frames=has_frames,
        )
        yield make_stretch(request, [flac] * (stretch.last - stretch.first))


def _sound() -> Waveform:
    noise = np.random.default_rng(1).standard_normal(_CHUNK_S * SAMPLE_RATE_HZ)
    return (0.05 * noise * np.sin(np.arange(noise.size) / 4000) ** 2).astype(np.float32)


def _speed(began: float) -> str:
    return f"{_HOURS * 3600 / (time.process_time() - began):,.0f} times real time"


def _report(what: str, began: float, result: str) -> None:
    sys.stdout.write(f"{what:36} {time.process_time() - began:7.2f} s  {result}\n")


if __name__ == "__main__":
    main()
