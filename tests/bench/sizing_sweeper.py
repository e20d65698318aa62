"""How many jobs one sweeper carries: `python -m tests.bench.sizing_sweeper [--jobs 64 640]`.

Books are half spoken, some of their parts are ready, and each has a worker's lease, as in the midst
of a busy service. One round of the sweeper must be over well within its interval of five seconds.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine, update

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.jobs.record import Chunk, Job, Part, Segment
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.migrate import migrate
from narration.storage.profiles import open_stores
from narration.sweeper import Sweeper
from tests.bench.sizing import LEASE, SHAPE
from tests.builders import make_job, make_settings, plan_job
from tests.fakes import RecordingBroker
from tests.servers import Postgres

ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How long a round takes with so many jobs under way."""

    jobs: int
    chunks: int
    median_ms: float
    most_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[64, 640])
    parser.add_argument("--chunks", type=int, default=3_000, help="of each: a book of ten hours")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    sys.stdout.write(f"{'jobs':>8} {'chunks':>10} {'round ms':>9} {'most':>9}\n")
    for jobs in options.jobs:
        rows.append(measure(jobs, options.chunks))
        row = rows[-1]
        sys.stdout.write(f"{row.jobs:8} {row.chunks:10} {row.median_ms:9.0f} {row.most_ms:9.0f}\n")
        sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def measure(jobs: int, chunks: int) -> Row:
    server = Postgres(is_durable=True)
    try:
        url = server.new_database()
        migrate(url)
        database = make_engine(url)
        for number in range(jobs):
            _add_book(database, number, chunks)
        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
        with tempfile.TemporaryDirectory() as folder:
            settings = make_settings(Path(folder))
            sweeper = Sweeper(
                database=database,
                stores=open_stores(settings),
                broker=RecordingBroker(),
                settings=settings.sweeper,
            )
            took_ms = [_round_ms(sweeper) for _ in range(ROUNDS)]
        database.dispose()
    finally:
        server.close()
    return Row(
        jobs=jobs,
        chunks=jobs * chunks,
        median_ms=statistics.median(took_ms),
        most_ms=max(took_ms),
    )


def _round_ms(sweeper: Sweeper) -> float:
    began = time.perf_counter()
    sweeper.sweep()
    return 1000 * (time.perf_counter() - began)


def _add_book(database: Engine, number: int, chunks: int) -> None:
    """Add a book whose first half is spoken, and a segment of which is being spoken."""
    with session_scope(database) as session:
        now = utc_now()
        job = make_job(session, f"Book {number} has some words.", now=now, outputs=["m4b"])
        plan_job(session, job, chunks=chunks, now=now, **SHAPE)
        half = chunks // 2
        session.execute(
            update(Chunk)
            .where(Chunk.job_id == job.id, Chunk.index < half)
            .values(state=ChunkState.ACCEPTED)
        )
        done = half // SHAPE["segment_chunks"]
        session.execute(
            update(Segment)
            .where(Segment.job_id == job.id, Segment.index < done)
            .values(state=SegmentState.DONE)
        )
        session.execute(
            update(Segment)
            .where(Segment.job_id == job.id, Segment.index == done)
            .values(state=SegmentState.RENDERING, lease_holder="w", lease_until=now + LEASE)
        )
        session.execute(
            update(Part).where(Part.job_id == job.id, Part.needs_end <= half).values(is_ready=True)
        )
        session.execute(
            update(Job).where(Job.id == job.id).values(state=JobState.RENDERING, gain_db=0.0)
        )


if __name__ == "__main__":
    main()
