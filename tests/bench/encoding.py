"""What a part costs the process that serves the cpu queue: `python -m tests.bench.encoding`.

A book whose chunks are all spoken, none of whose parts is encoded: `tests.bench.long_book` on
Postgres and SeaweedFS. Encoders are processes of their own, so what the worker's process itself
takes for a part limits how many of them it keeps busy. All parts are encoded in the end, and the
book is assembled.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from sqlalchemy import select, update

from narration.broker.interface import Queue, Task
from narration.database import make_engine, session_scope
from narration.jobs.lookup import get_job
from narration.jobs.record import Job, Part
from narration.jobs.states import JobState
from narration.migrate import migrate
from narration.storage.profiles import open_stores
from tests.bench.long_book import CHUNK_S, fill, refuse
from tests.builders import make_settings
from tests.fakes import RecordingBroker
from tests.servers import Postgres, SeaweedFS
from worker.process import WorkerProcess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--encoders", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measure(options.hours, options.encoders)
    for name, value in figures.items():
        sys.stdout.write(f"{name:>40} {value:10.2f}\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure(hours: float, encoders: int) -> dict[str, float]:
    with ExitStack() as stack:
        postgres = stack.enter_context(closing(Postgres(is_durable=True)))
        seaweedfs = stack.enter_context(closing(SeaweedFS(volume_mb=1024)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = postgres.new_database()
        migrate(url)
        database = make_engine(url)
        stack.callback(database.dispose)
        profiles = {"default": seaweedfs.profile(seaweedfs.new_bucket()).model_dump()}
        settings = make_settings(
            folder,
            database={"url": url},
            storage={"profiles": profiles},
            worker={"encoders": encoders},
        )
        stores = open_stores(settings)
        job_id = fill(database, stores.work, int(hours * 3600 / CHUNK_S), "m4b")
        with session_scope(database) as session:
            # As while it is being spoken: assembling would encode what is left by itself.
            session.execute(update(Job).values(state=JobState.RENDERING))
            session.execute(update(Part).where(Part.index < encoders).values(is_ready=True))
            parts = len(session.scalars(select(Part.index)).all())
        worker = WorkerProcess(
            settings,
            database=database,
            stores=stores,
            broker=RecordingBroker(),
            queues=frozenset({Queue.CPU}),
            load_model=refuse,
        )
        stack.callback(worker.close)
        encode = worker.handlers[Task.ENCODE]
        with ThreadPoolExecutor(encoders) as pool:
            list(pool.map(lambda _: encode(), range(encoders)))  # the encoders start
            with session_scope(database) as session:
                session.execute(update(Part).where(Part.index >= encoders).values(is_ready=True))
            began, began_cpu = time.perf_counter(), time.process_time()
            list(pool.map(lambda _: encode(), range(encoders)))
        encoded_s, encoded_cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
        with session_scope(database) as session:
            session.execute(update(Job).values(state=JobState.ASSEMBLING))
        began, began_cpu = time.perf_counter(), time.process_time()
        worker.handlers[Task.ASSEMBLE](job_id)
        assembled_s, assembled_cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
        with session_scope(database, is_read_only=True) as session:
            job = get_job(session, job_id)
            assert job.state is JobState.SUCCEEDED, (job.state, job.error)
    return {
        "parts": parts,
        "parts a second": (parts - encoders) / encoded_s,
        "ms of the worker's process a part": 1000 * encoded_cpu_s / (parts - encoders),
        "s to assemble": assembled_s,
        "s of the worker's process to assemble": assembled_cpu_s,
    }


if __name__ == "__main__":
    main()
