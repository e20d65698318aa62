"""Measures how a worker keeps up with an engine: `python -m tests.bench.worker [--rate 33]`.

Real Postgres and SeaweedFS, one worker, and an engine that only counts: it returns chunks of 12 s
in order, at a fixed rate or immediately (`--rate 0`). Measured is everything else: claiming,
checking, encoding, storing, recording; and whether the worker claims enough to keep an engine busy
that has place for `--target-concurrency` chunks. Sounds are shaped noise, which is harder on the
encoder than speech. x is audio seconds per second.

The engine shares the machine with its worker, on a CPU also the process: "ms of the worker's
process" is the CPU time of this process without the stand-in's and the bench's own. The
processes that store takes are counted separately (`--processes`; with 0, this process stores).
Memory is the peak of all of the worker's processes together; shared pages count once (PSS).
"""

import argparse
import json
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, String, cast, update

from narration.broker.interface import Queue, Task
from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.jobs.lookup import get_job
from narration.jobs.record import Chunk, Job
from narration.jobs.states import JobState
from narration.migrate import migrate
from narration.settings import Settings
from narration.storage.profiles import open_stores
from tests.bench.long_book import CHUNK_S, make_sounds
from tests.bench.processes import PeakMemory, helpers_cpu_s, wait_for_processes
from tests.builders import WORDS, make_job, make_settings, plan_job
from tests.fakes import RecordingBroker, make_model
from tests.servers import Postgres, SeaweedFS
from worker.chatterbox.config import TOKEN_RATE_HZ
from worker.engine.types import Speech, Utterance
from worker.process import WorkerProcess

PAUSE_S = 0.1
RULES = {"lease_s": 60, "heartbeat_s": 15, "is_warmed_up": True}  # as in production


class CountingEngine:
    """A SpeechEngine with prepared sounds; `held` is how many chunks waited at each answer."""

    def __init__(self, rate: float) -> None:
        self._pause_s = 1 / rate if rate else 0.0
        self._sounds = list(make_sounds())
        self._waiting: queue.SimpleQueue[Future[Speech] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()
        self.held: list[int] = []
        self.cpu_s = 0.0

    def submit(self, utterance: Utterance) -> Future[Speech]:
        del utterance
        future: Future[Speech] = Future()
        self._waiting.put(future)
        return future

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _answer(self) -> None:
        due, count = time.monotonic(), 0
        while (future := self._waiting.get()) is not None:
            due = max(due, time.monotonic() - self._pause_s) + self._pause_s
            time.sleep(max(0.0, due - time.monotonic()))
            count += 1
            self.held.append(self._waiting.qsize())
            if future.set_running_or_notify_cancel():
                future.set_result(self._speak(count))
            self.cpu_s = time.thread_time()

    def _speak(self, number: int) -> Speech:
        # No two chunks are equal, because the store keeps equal ones once.
        sound = np.roll(self._sounds[number % len(self._sounds)], number)
        tokens = np.random.default_rng(number).integers(0, 6561, CHUNK_S * TOKEN_RATE_HZ)
        return Speech(tokens=tokens, waveform=sound, is_truncated=False, is_watermarked=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=0, help="chunks the engine ends a second")
    parser.add_argument("--target-concurrency", type=int, default=590, help="an engine's on 80 GB")
    parser.add_argument("--slots", type=int, help="segments at once, if not the worker's choice")
    parser.add_argument("--processes", type=int, help="that store takes, if not the default")
    parser.add_argument("--cores", type=int, help="to use of the machine's")
    parser.add_argument("--embedded", action="store_true", help="with SQLite and a directory")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    hide_this_module()
    where = embedded if options.embedded else served
    if options.cores:
        os.sched_setaffinity(0, range(options.cores))  # and of all processes started here
    worker = {"slots": options.slots, "take_processes": options.processes, **RULES}
    with where(worker) as (settings, database_url):
        figures = render(settings, database_url, options)
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.1f}")
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def hide_this_module() -> None:
    """Keep it out of the processes that store takes, which import a program's main module.

    A worker's main module is small. This one has 80 MB of imports, which each would hold.
    """
    main_module = sys.modules["__main__"]
    main_module.__spec__, main_module.__file__ = None, None


@contextmanager
def served(worker: dict[str, Any]) -> Iterator[tuple[Settings, str]]:
    postgres, seaweedfs = Postgres(), SeaweedFS()
    try:
        with tempfile.TemporaryDirectory() as folder:
            profile = seaweedfs.profile(seaweedfs.new_bucket())
            settings = make_settings(
                Path(folder), storage={"profiles": {"default": profile}}, worker=worker
            )
            url = postgres.new_database()
            migrate(url)
            yield settings, url
    finally:
        seaweedfs.close()
        postgres.close()


@contextmanager
def embedded(worker: dict[str, Any]) -> Iterator[tuple[Settings, str]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = make_settings(Path(folder), worker=worker)
        migrate(settings.database_url)
        yield settings, settings.database_url


def render(settings: Settings, database_url: str, options: argparse.Namespace) -> dict[str, float]:
    """Render a planned job with as many threads as the worker has slots."""
    database, chunks = make_engine(database_url), options.chunks
    job_id = plan(database, chunks)
    engine: Any = CountingEngine(options.rate)
    broker = RecordingBroker()
    worker = WorkerProcess(
        settings,
        database=database,
        stores=open_stores(settings),
        broker=broker,
        queues=frozenset({Queue.GPU}),
        load_model=lambda _: make_model(engine, target_concurrency=options.target_concurrency),
    )
    wait_for_processes(settings.worker.take_process_count)
    memory = PeakMemory()
    began, began_cpu, began_own = time.perf_counter(), time.process_time(), time.thread_time()
    helpers_began = helpers_cpu_s()
    work_until_done(worker, broker, database, job_id)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    asking_s = time.thread_time() - began_own  # whether the job is spoken
    helpers_s = helpers_cpu_s() - helpers_began
    memory.stop()
    own_s = cpu_s - engine.cpu_s - memory.cpu_s - asking_s
    slots = worker.slots
    worker.close()
    check(find(database, job_id))
    database.dispose()
    return {
        "chunks a second": chunks / took_s,
        "x": chunks * CHUNK_S / took_s,
        "ms of the worker's process per chunk": 1e3 * own_s / chunks,
        "ms of other processes per chunk": 1e3 * helpers_s / chunks,
        "cores busy": (own_s + helpers_s) / took_s,
        "processes that store takes": settings.worker.take_process_count,
        "MB at most (PSS), all processes": memory.most / 1e6,
        "MB of them in this process": memory.most_here / 1e6,
        "segments at once": slots,
        "chunks the engine held, median": float(np.median(engine.held)),
    }


def plan(database: Engine, chunks: int) -> str:
    with session_scope(database) as session:
        job = make_job(session, now=utc_now())
        plan_job(session, job, chunks=chunks, segment_chunks=16, now=utc_now())
        # The number makes every text different, so that none comes from the chunk cache.
        text = cast(Chunk.index, String) + ": " + WORDS[:190]
        session.execute(update(Chunk).where(Chunk.job_id == job.id).values(spoken_text=text))
    return job.id


def find(database: Engine, job_id: str) -> Job:
    with session_scope(database, is_read_only=True) as session:
        return get_job(session, job_id)


def check(job: Job) -> None:
    assert job.state is JobState.ASSEMBLING, job.state
    assert not job.chunks_flagged + job.chunks_failed + job.chunks_cached, "all are new and good"


def work_until_done(
    worker: WorkerProcess, broker: RecordingBroker, database: Engine, job_id: str
) -> None:
    """Deliver wake-ups to as many threads as a worker has; a used wake-up sends another."""
    is_over = threading.Event()
    wakeups: queue.Queue[None] = queue.Queue()

    def work() -> None:
        while not is_over.is_set():
            with suppress(queue.Empty):
                wakeups.get(timeout=PAUSE_S)
                worker.handlers[Task.RENDER]()

    for _ in range(worker.slots):
        wakeups.put(None)
    broker.send = lambda *_: wakeups.put(None)  # type: ignore[method-assign]
    threads = [threading.Thread(target=work) for _ in range(worker.slots)]
    for thread in threads:
        thread.start()
    while find(database, job_id).state is JobState.RENDERING:
        is_over.wait(PAUSE_S)
    is_over.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
