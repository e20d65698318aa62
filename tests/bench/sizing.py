"""Measures how many workers Postgres can serve: `python -m tests.bench.sizing [--workers 1 8 64]`.

Each worker is a client without a model: it claims segments, records every chunk, claims and
finishes parts and sends heartbeats, with the functions that workers use, as fast as they return.
Postgres writes to the disk as in production. Clients and Postgres share this machine, so not only
the chunks per second count, but also the CPU time of Postgres' own processes per chunk: with two
cores of its own, Postgres has two seconds of CPU time per second.
A worker whose GPU speaks at 400 times real time finishes about 33 chunks of 12 s a second.
With `--books 1` all workers share one book, whose row is updated with every chunk.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.jobs.checkpoints import FinishedChunk, checkpoint_all
from narration.jobs.parts import claim_part, finish_part
from narration.jobs.segment_claim import (
    SegmentClaim,
    claim_segment,
    finish_segment,
    pending_chunks,
    renew_segment,
    start_chunks,
)
from narration.jobs.states import ChunkState
from narration.jobs.takes import Outcome, Take, find_takes, record_provenance
from narration.migrate import migrate
from narration.settings import DatabaseSettings
from tests.builders import make_job, plan_job
from tests.fakes import TONE
from tests.servers import Postgres

PROCESSES = 4
LEASE = timedelta(seconds=60)
HEARTBEAT_S = 10.0
LEVEL_BYTES = 500  # energies of 12 s and the true peak
SHAPE: dict[str, Any] = {"segment_chunks": 16, "characters": 180, "pause_ms": 250}  # of 12 s
CHUNKS_A_SECOND = 33.0  # of one card


HEAD = (
    f"{'workers':>8} {'books':>6} {'a commit':>9} {'chunks/s':>9} {'note p50':>9} {'p95 ms':>8} "
    f"{'commits/s':>10} {'PG ms/chunk':>12} {'cards on 2 cores':>17}\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The numbers of clients, books and chunks per transaction, and the duration."""

    workers: int
    books: int
    batch: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The chunks per second, and the CPU time of Postgres per chunk."""

    workers: int
    books: int
    chunks_a_commit: int
    chunks_per_s: float
    notes_p50_ms: float
    notes_p95_ms: float
    commits_per_s: float
    postgres_ms_per_chunk: float

    @property
    def cards_on_two_cores(self) -> float:
        """How many GPUs' chunks two cores of Postgres could record."""
        return 2_000.0 / self.postgres_ms_per_chunk / CHUNKS_A_SECOND


def main() -> None:
    options = _options()
    rows = []
    sys.stdout.write(HEAD)
    for batch in options.batch:
        for workers in options.workers:
            books = options.books or workers
            run = Run(workers=workers, books=books, batch=batch, seconds=options.seconds)
            rows.append(measure(run))
            sys.stdout.write(_line(rows[-1]))
            sys.stdout.flush()
    if options.json:
        content = [asdict(row) | {"cards_on_two_cores": row.cards_on_two_cores} for row in rows]
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _line(row: Row) -> str:
    return (
        f"{row.workers:8} {row.books:6} {row.chunks_a_commit:9} {row.chunks_per_s:9.0f} "
        f"{row.notes_p50_ms:9.1f} {row.notes_p95_ms:8.1f} {row.commits_per_s:10.0f} "
        f"{row.postgres_ms_per_chunk:12.2f} {row.cards_on_two_cores:17.1f}\n"
    )


def measure(run: Run) -> Row:
    """Have workers record chunks for a time, on a new Postgres."""
    server = Postgres(is_durable=True)
    try:
        url = server.new_database()
        migrate(url)
        _fill(url, run.books, chunks=max(2_000, int(400 * run.seconds) // run.books))
        return _measure(server, url, run)
    finally:
        server.close()


def _measure(server: Postgres, url: str, run: Run) -> Row:
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    begin = context.Barrier(min(PROCESSES, run.workers) + 1)
    groups = [list(range(n, run.workers, PROCESSES)) for n in range(min(PROCESSES, run.workers))]
    processes = [
        context.Process(target=_clients, args=(url, group, run, begin, results)) for group in groups
    ]
    for process in processes:
        process.start()
    begin.wait()
    before = _cpu_s(server), time.monotonic()
    found = [results.get() for _ in processes]
    after = _cpu_s(server), time.monotonic()
    for process in processes:
        process.join()
    took_s = after[1] - before[1]
    chunks = sum(each["chunks"] for each in found)
    waits = sorted(wait for each in found for wait in each["waits"])
    return Row(
        workers=run.workers,
        books=run.books,
        chunks_a_commit=run.batch,
        chunks_per_s=chunks / took_s,
        notes_p50_ms=1000 * waits[len(waits) // 2],
        notes_p95_ms=1000 * waits[int(len(waits) * 0.95)],
        commits_per_s=sum(each["commits"] for each in found) / took_s,
        postgres_ms_per_chunk=1000 * (after[0] - before[0]) / chunks,
    )


def _fill(url: str, books: int, chunks: int) -> None:
    database = make_engine(url)
    for book in range(books):
        with session_scope(database) as session:
            now = utc_now()
            job = make_job(session, f"Book {book} has some words.", now=now, outputs=["m4b"])
            plan_job(session, job, chunks=chunks, now=now, **SHAPE)
    database.dispose()


def _clients(url: str, numbers: list[int], run: Run, begin: Any, results: Any) -> None:
    database = make_engine(url, DatabaseSettings(pool_size=len(numbers)))
    workers = [_Worker(database, f"w{number}", run.batch) for number in numbers]
    with database.connect():
        begin.wait()
    ends_at = time.monotonic() + run.seconds
    threads = [threading.Thread(target=worker.run, args=(ends_at,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(
        {
            "chunks": sum(worker.chunks for worker in workers),
            "commits": sum(worker.commits for worker in workers),
            "waits": [wait for worker in workers for wait in worker.waits],
        }
    )


class _Worker:
    """The SQL of one worker, one segment after the other."""

    def __init__(self, database: Engine, holder: str, batch: int) -> None:
        self._database = database
        self._holder = holder
        self._batch = batch
        self._beaten_at = 0.0
        self.chunks = self.commits = 0
        self.waits: list[float] = []

    def run(self, ends_at: float) -> None:
        while time.monotonic() < ends_at:
            claim = self._do(self._claim)
            if claim is None:
                time.sleep(0.05)
                continue
            self._segment(claim, ends_at)
            self._part()

    def _segment(self, claim: SegmentClaim, ends_at: float) -> None:
        indexes = [chunk.index for chunk in self._do(lambda s: pending_chunks(s, claim))]
        self._do(
            lambda s: record_provenance(
                s, claim.job_id, engine=TONE, voice_digest="d" * 64, gain_db=0.0
            )
        )
        self._do(lambda s: find_takes(s, claim.owner, map(str, indexes), now=utc_now()))
        self._do(lambda s: start_chunks(s, claim, indexes))
        for first in range(0, len(indexes), self._batch):
            some = indexes[first : first + self._batch]
            began = time.monotonic()
            self._do(lambda s, some=some: self._note(s, claim, some))
            self.waits.append(time.monotonic() - began)
            self.chunks += len(some)
            if time.monotonic() > ends_at:
                return
            if time.monotonic() - self._beaten_at > HEARTBEAT_S:
                self._beaten_at = time.monotonic()
                self._do(lambda s: renew_segment(s, claim, until=utc_now() + LEASE))
        self._do(lambda s: finish_segment(s, claim, now=utc_now()))

    def _note(self, session: Session, claim: SegmentClaim, indexes: list[int]) -> None:
        chunks = [
            FinishedChunk(claim=claim, outcome=_outcome(claim.job_id, index)) for index in indexes
        ]
        checkpoint_all(session, chunks, until=utc_now() + LEASE, now=utc_now())

    def _part(self) -> None:
        now = utc_now()
        part = self._do(lambda s: claim_part(s, holder=self._holder, until=now + LEASE, now=now))
        if part is not None:
            self._do(lambda s: finish_part(s, part, now=utc_now()))

    def _claim(self, session: Session) -> SegmentClaim | None:
        now = utc_now()
        return claim_segment(
            session,
            holder=self._holder,
            until=now + LEASE,
            now=now,
            window_segments=1_000,
            poison_losses=5,
        )

    def _do(self, work: Any) -> Any:
        with session_scope(self._database) as session:
            done = work(session)
        self.commits += 1
        return done


def _outcome(job_id: str, index: int) -> Outcome:
    digest = hashlib.sha256(f"{job_id} {index}".encode()).hexdigest()
    take = Take(
        cache_key=digest,
        sha256=digest,
        samples=12 * 24_000,
        is_watermarked=True,
        findings=(),
        level=bytes(LEVEL_BYTES),
    )
    return Outcome(index=index, state=ChunkState.ACCEPTED, take_number=0, seed=1, take=take)


def _cpu_s(server: Postgres) -> float:
    """Return the CPU seconds of Postgres' processes, including those that have ended."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid = int(path.parent.name)
            fields = path.read_text().rpartition(") ")[2].split()  # from the third on
            if server.pid in {pid, int(fields[1])}:
                ticks += sum(map(int, fields[11:15] if pid == server.pid else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--books", type=int, default=0, help="0: one for each worker")
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="chunks a transaction")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
