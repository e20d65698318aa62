"""How fast a book becomes a FLAC file: `python -m tests.bench.lossless [--hours 2] [--encoders 2]`.

Stored takes in a directory are read, decoded, levelled and encoded by processes as in a job, and
joined in this one. Takes are shaped noise, which is harder on encoders than speech. This process's
share is what limits a machine of many cores.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from narration.sound.gain import LevelSetting, Loudness, choose_gain, measure_voice
from narration.sound.take import measure_take
from narration.storage.profiles import open_stores
from tests.bench.long_book import CHUNK_S, make_sounds, peak_mb
from tests.bench.process_tree import cpu_s
from tests.builders import make_settings
from worker.assembly.lossless.stretches import (
    Stretch,
    StretchRequest,
    StretchSound,
    plan_stretches,
)
from worker.assembly.lossless.write import write_lossless
from worker.assembly.part_encoders import PartEncoders, StoredTake
from worker.assembly.types import AudioFormat, Mark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.chunk_audio import fetch_ahead, store_chunk

PAUSE = SAMPLE_RATE_HZ // 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--encoders", type=int, default=os.cpu_count())
    options = parser.parse_args()
    for name, value in measure(options.hours, options.encoders).items():
        sys.stdout.write(f"{name:>40} {value:10.2f}\n")


def measure(hours: float, encoders: int) -> dict[str, float]:
    sounds = list(make_sounds())
    voice = measure_voice(sounds)
    assert voice is not None
    setting = LevelSetting(gain_db=choose_gain(voice, Loudness()), loudness=Loudness())
    peaks = [measure_take(sound).peak for sound in sounds]
    step = CHUNK_S * SAMPLE_RATE_HZ
    count = int(hours * 3600 / CHUNK_S)
    starts = range(0, count * (step + PAUSE), step + PAUSE)
    marks = [Mark(start=start, end=start + step) for start in starts]
    with tempfile.TemporaryDirectory() as folder:
        settings = make_settings(Path(folder), worker={"encoders": encoders})
        store = open_stores(settings).work
        names = [store_chunk(store, sound) for sound in sounds]
        with closing(PartEncoders(settings, store)) as processes:

            def make(stretch: Stretch) -> StretchSound:
                own = range(stretch.first, stretch.last)
                request = StretchRequest(
                    stretch=stretch,
                    marks=tuple(marks[stretch.first : stretch.last]),
                    peaks=tuple(peaks[number % len(peaks)] for number in own),
                    setting=setting,
                    has_frames=True,
                )
                takes = [StoredTake(index=n, sha256=names[n % len(names)]) for n in own]
                return processes.make_stretch(request, takes)

            def write(chunks: int) -> None:
                stretches = plan_stretches(marks[:chunks], chunks * (step + PAUSE))
                made = fetch_ahead(make, stretches, ahead=encoders or 1)
                write_lossless(Path(folder) / "a.flac", made, AudioFormat.FLAC, tags=Tags())

            write(min(3 * encoders, count))  # the processes start
            began, began_cpu, began_all = time.perf_counter(), time.process_time(), cpu_s()
            write(count)
            took_s, own_s = time.perf_counter() - began, time.process_time() - began_cpu
            all_s = cpu_s() - began_all
    return {
        "seconds an hour of audio": took_s / hours,
        "of this process's processor": own_s / hours,
        "of all processes": all_s / hours,
        "MB of this process at its peak": peak_mb(),
    }


if __name__ == "__main__":
    main()
