"""Measures encoding and joining parts: `python -m tests.bench.parts [--hours 20] [--core-s 60]`.

Encoding: stored takes of 12 s are read, set to -18 LUFS and encoded by one process, part by part.
Joining: a fresh process joins so many hours from parts that share a few encodings.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from narration.mp4.packets import Packets, read_fragment, write_fragment
from narration.sound.gain import Loudness, choose_gain, measure_voice, set_level
from narration.sound.take import TakeLevel, measure_take
from narration.sound.waveform import Waveform, decode_flac, encode_flac
from tests.sounds import speak
from worker.assembly.files.join import join_parts
from worker.assembly.parts.codecs import CODECS
from worker.assembly.parts.encode import encode_part
from worker.assembly.parts.plans import PartPlan, SpokenChunk, place_parts, plan_parts
from worker.assembly.types import AudioFormat, ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

FORMATS = (AudioFormat.M4B, AudioFormat.MP3, AudioFormat.OPUS)
CHUNK_S, CHUNKS, PAUSE = 12, 5, 6000  # a part of a minute
SOUNDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=20)
    parser.add_argument("--core-s", type=float, default=20, help="CPU seconds of encoding a format")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--join", nargs=2, metavar=("FORMAT", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.join:
        figures = join(AudioFormat(asked.join[0]), Path(asked.join[1]), asked.hours)
        sys.stdout.write(json.dumps(figures))
        return
    rows = []
    for audio_format in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            speed = encode(audio_format, Path(folder), asked.core_s)
            command = [sys.executable, "-m", "tests.bench.parts", "--hours", str(asked.hours)]
            command += ["--join", audio_format.value, folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append({"format": audio_format.value, **speed, **json.loads(done.stdout)})
    show(rows)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


def encode(audio_format: AudioFormat, folder: Path, core_s: float) -> dict[str, float]:
    """Encode parts for a time, with all steps, and leave some in the folder."""
    codec = CODECS[audio_format]
    takes = [speak(CHUNK_S, seed) for seed in range(CHUNKS)]
    flacs, levels = [encode_flac(take) for take in takes], [measure_take(take) for take in takes]
    voice = measure_voice(takes)
    assert voice is not None
    loudness = Loudness()
    gain_db = choose_gain(voice, loudness)
    (plan,) = plan_parts(spoken(takes), [0], codec)
    began, spent, parts = time.process_time(), 0.0, 0
    while spent < core_s or parts < SOUNDS:
        levelled = dict(enumerate(level(flacs, levels, gain_db, loudness)))
        part = write_fragment(encode_part(plan, levelled, codec), codec.packet)
        if parts < SOUNDS:
            (folder / f"{parts}").write_bytes(part)
        parts += 1
        spent = time.process_time() - began
    return {"times_a_core": parts * seconds(takes) / spent}


def level(
    flacs: list[bytes], levels: list[TakeLevel], gain_db: float, loudness: Loudness
) -> Iterator[Waveform]:
    for flac, measured in zip(flacs, levels, strict=True):
        waveform, is_limited = set_level(decode_flac(flac), gain_db, loudness, peak=measured.peak)
        if is_limited:
            measure_take(waveform)
        yield waveform


def spoken(takes: list[Waveform]) -> list[SpokenChunk]:
    return [SpokenChunk(sha256=str(n), samples=t.size, pause=PAUSE) for n, t in enumerate(takes)]


def seconds(takes: list[Waveform]) -> float:
    return sum(take.size + PAUSE for take in takes) / SAMPLE_RATE_HZ


def join(audio_format: AudioFormat, folder: Path, hours: float) -> dict[str, float]:
    """Run in a separate process: write a file of a number of hours."""
    codec = CODECS[audio_format]
    chunks = [SpokenChunk(sha256="", samples=size, pause=PAUSE) for size in lengths(hours)]
    cuts = list(range(0, len(chunks), CHUNKS))
    plans = plan_parts(chunks, cuts, codec)
    samples = sum(chunk.samples + chunk.pause for chunk in chunks)
    before_mb = peak_mb()
    began, began_cpu = time.perf_counter(), time.process_time()
    join_parts(
        folder / f"book.{audio_format}",
        audio_format,
        place_parts(chunks, plans, codec),
        read(folder, plans),
        samples=samples,
        tags=Tags(title="A book"),
        chapters=[ChapterMark(title=f"Chapter {n}", start=samples * n // 60) for n in range(60)],
    )
    return {
        "hours": samples / SAMPLE_RATE_HZ / 3600,
        "join_s": time.perf_counter() - began,
        "join_cpu_s": time.process_time() - began_cpu,
        "before_mb": before_mb,
        "peak_mb": peak_mb(),
    }


def lengths(hours: float) -> list[int]:
    takes = [speak(CHUNK_S, seed).size for seed in range(CHUNKS)]
    minutes = round(hours * 3600 * SAMPLE_RATE_HZ / (sum(takes) + CHUNKS * PAUSE))
    return takes * minutes


def read(folder: Path, plans: tuple[PartPlan, ...]) -> Iterator[Packets]:
    for number in range(len(plans)):
        yield read_fragment((folder / str(number % SOUNDS)).read_bytes())


def peak_mb() -> float:
    """Return the peak resident memory; getrusage would include the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(title="parts: encoding on one core, joining in a fresh process")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(f"{v:,.2f}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
