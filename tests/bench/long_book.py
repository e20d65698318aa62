"""Measures how a long book is assembled: `python -m tests.bench.long_book [--hours 20]`.

With `--encoded`, its parts are stored beforehand, as when a book is encoded while it is spoken, so
that they only have to be joined.

A planned job with SQLite and a directory, whose chunks share a few sounds of 12 s, is assembled by
a fresh process without a model. Sounds are shaped noise, which is harder on encoders than speech.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, delete, update

from narration.broker.interface import Queue, Task
from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.jobs.lookup import get_artifacts, get_chunks, get_job, get_plan
from narration.jobs.parts import add_missing_parts
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.states import ChunkState, JobState
from narration.migrate import migrate
from narration.sound.gain import Loudness, choose_gain, measure_voice
from narration.sound.take import measure_take
from narration.storage.interface import Storage
from narration.storage.profiles import open_stores
from tests.bench.process_tree import cpu_s, family, memory_mb
from tests.builders import WORDS, make_job, make_settings, plan_job
from tests.fakes import RecordingBroker
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.chunk_audio import store_chunk
from worker.process import WorkerProcess

CHUNK_S = 12
SOUNDS = 8
CHAPTER_CHUNKS = 200
PARTS_MOST = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=20)
    parser.add_argument("--format", default="m4b", help="one, or several separated by commas")
    parser.add_argument("--encoded", action="store_true", help="encode the parts first, untimed")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--assemble", nargs=2, metavar=("FOLDER", "JOB"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.assemble:
        sys.stdout.write(
            json.dumps(assemble(Path(asked.assemble[0]), asked.assemble[1], asked.encoded))
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        job_id = prepare(Path(folder), int(asked.hours * 3600 / CHUNK_S), asked.format)
        command = [sys.executable, "-m", "tests.bench.long_book", "--assemble", folder, job_id]
        command += ["--encoded"] if asked.encoded else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures = json.loads(done.stdout.splitlines()[-1]) | {"format": asked.format}
    show(figures)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


def prepare(folder: Path, chunks: int, output: str) -> str:
    """Leave a job there whose chunks are all spoken."""
    settings = make_settings(folder)
    migrate(f"sqlite:///{folder / 'rhapsode.db'}")
    with opened(folder) as database:
        return fill(database, open_stores(settings).work, chunks, output)


def fill(database: Engine, store: Storage, chunks: int, output: str) -> str:
    """Add a job whose chunks are all spoken and whose parts are not encoded."""
    sounds = [(store_chunk(store, sound), measure_take(sound)) for sound in make_sounds()]
    with session_scope(database) as session:
        now = utc_now()
        job = make_job(session, WORDS, now=now, outputs=output.split(","))
        plan_job(session, job, chunks=chunks, now=now)
        plan = get_plan(session, job.id)
        plan.chapters = [
            {"title": f"Chapter {first // CHAPTER_CHUNKS + 1}", "first_chunk": first}
            for first in range(0, chunks, CHAPTER_CHUNKS)
        ]
        plan.spans = [["chunk", 10 * n, 10 * n + 10, n] for n in range(chunks)]
        spoken = {"state": ChunkState.ACCEPTED, "samples": CHUNK_S * SAMPLE_RATE_HZ, "take": 0}
        for number, (sha256, level) in enumerate(sounds):
            session.execute(
                update(Chunk)
                .where(Chunk.job_id == job.id, Chunk.index % SOUNDS == number)
                .values(**spoken, seed=0, sha256=sha256, cache_key=sha256, text=WORDS)
                .values(caption=WORDS, spoken_text=WORDS, level=level.pack())
                # No two parts are equal, or most would already be stored.
                .values(pause_after_ms=250 + Chunk.index * 7 % 251)
            )
        voice = measure_voice(list(make_sounds()))
        assert voice is not None
        gain_db = choose_gain(voice, Loudness())
        session.execute(
            update(Job).where(Job.id == job.id).values(state=JobState.ASSEMBLING, gain_db=gain_db)
        )
        session.execute(delete(Part))
        session.expire_all()
        add_missing_parts(session, job.id, job.owner, get_chunks(session, job.id))
        return job.id


def make_sounds() -> Iterator[Any]:
    envelope = np.sin(np.arange(CHUNK_S * SAMPLE_RATE_HZ) / 4000) ** 2
    for seed in range(SOUNDS):
        noise = np.random.default_rng(seed).standard_normal(envelope.size)
        yield (0.05 * noise * envelope).astype(np.float32)


def assemble(folder: Path, job_id: str, is_encoded: bool) -> dict[str, float]:
    """Run in a separate process what a CPU worker does on a wake-up."""
    settings = make_settings(folder, worker={"encoders": os.cpu_count()})
    with opened(folder) as database:
        worker = WorkerProcess(
            settings,
            database=database,
            stores=open_stores(settings),
            broker=RecordingBroker(),
            queues=frozenset({Queue.CPU}),
            load_model=refuse,
        )
        if is_encoded:
            with ThreadPoolExecutor(worker.encoders) as pool:
                list(pool.map(lambda _: worker.handlers[Task.ENCODE](), range(PARTS_MOST)))
        before_mb = peak_mb()
        began, began_cpu = time.perf_counter(), cpu_s()
        worker.handlers[Task.ASSEMBLE](job_id)
        took_s = time.perf_counter() - began
        used_s, below_mb = cpu_s() - began_cpu, memory_mb(family()[1:])
        worker.close()
        with session_scope(database, is_read_only=True) as session:
            job = get_job(session, job_id)
            assert job.state is JobState.SUCCEEDED, (job.state, job.error)
            duration_ms = max(a.duration_ms or 0 for a in get_artifacts(session, job_id))
            chunks = job.chunks_total
    return {
        "hours": duration_ms / 3_600_000,
        "chunks": chunks,
        "peak_mb": peak_mb(),
        "before_mb": before_mb,
        "seconds": took_s,
        "children_mb": below_mb,
        "cpu_seconds": used_s,
    }


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    database = make_engine(f"sqlite:///{folder / 'rhapsode.db'}")
    yield database
    database.dispose()


def refuse(_: object) -> Any:
    raise AssertionError("assembling needs no model")


def peak_mb() -> float:
    """Return the peak resident memory; getrusage would include the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def show(figures: dict[str, Any]) -> None:
    table = Table(title="assembling one job in a fresh process")
    for name in figures:
        table.add_column(name)
    table.add_row(*(f"{v:,.2f}" if isinstance(v, float) else str(v) for v in figures.values()))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
