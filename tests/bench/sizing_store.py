"""How many workers one store carries: `python -m tests.bench.sizing_store [--workers 1 8 64]`.

Each worker is a client that only stores takes, as workers do, and fetches them once, as encoders
do. Clients and SeaweedFS share this machine, so the relevant figure is how much of a core the store
itself takes for one chunk (its CPU time). A worker beside a card at 400 times real time ends some
33 chunks of 12 s a second, of about half a megabyte each.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from narration.settings import S3Profile
from narration.storage.keys import chunk_audio_key
from narration.storage.s3 import S3Storage
from tests.bench.process_tree import cpu_s
from tests.bench.sizing import CHUNKS_A_SECOND
from tests.servers import SeaweedFS

PROCESSES = 4
TAKE_BYTES = 530_000  # 12 s of 24-bit FLAC, at 160 MB an hour
HEAD = (
    f"{'workers':>8} {'chunks/s':>9} {'MB/s':>6} {'put p50':>8} {'p95 ms':>8} {'failed':>7} "
    f"{'store ms/chunk':>15} {'cards on 2 cores':>17}\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What so many workers stored and fetched, and what a chunk cost the store."""

    workers: int
    chunks_per_s: float
    mb_per_s: float
    put_p50_ms: float
    put_p95_ms: float
    failures: int
    store_ms_per_chunk: float

    @property
    def cards_on_two_cores(self) -> float:
        """How many cards' takes two cores of the store could take in and give out."""
        return 2_000.0 / self.store_ms_per_chunk / CHUNKS_A_SECOND


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    sys.stdout.write(HEAD)
    for workers in options.workers:
        rows.append(measure(workers, options.seconds))
        sys.stdout.write(_line(rows[-1]))
        sys.stdout.flush()
    if options.json:
        content = [asdict(row) | {"cards_on_two_cores": row.cards_on_two_cores} for row in rows]
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


def measure(workers: int, seconds: float) -> Row:
    """Let so many workers store and fetch takes for a while, in a store of their own."""
    server = SeaweedFS(volume_mb=1024)
    try:
        profile = server.profile(server.new_bucket())
        context = multiprocessing.get_context("spawn")
        results: Any = context.Queue()
        count = min(PROCESSES, workers)
        begin = context.Barrier(count + 1)
        groups = [range(n, workers, PROCESSES) for n in range(count)]
        processes = [
            context.Process(target=_clients, args=(profile, group, seconds, begin, results))
            for group in groups
        ]
        for process in processes:
            process.start()
        begin.wait()
        before, began = cpu_s(server.pid), time.monotonic()
        outcomes = [results.get() for _ in processes]
        store_s, took_s = cpu_s(server.pid) - before, time.monotonic() - began
        for process in processes:
            process.join()
    finally:
        server.close()
    waits = sorted(wait for waits, _ in outcomes for wait in waits)
    return Row(
        workers=workers,
        chunks_per_s=len(waits) / took_s,
        mb_per_s=len(waits) * TAKE_BYTES / took_s / 1e6,
        put_p50_ms=1000 * waits[len(waits) // 2],
        put_p95_ms=1000 * waits[int(len(waits) * 0.95)],
        failures=sum(failures for _, failures in outcomes),
        store_ms_per_chunk=1000 * store_s / len(waits),
    )


def _line(row: Row) -> str:
    return (
        f"{row.workers:8} {row.chunks_per_s:9.0f} {row.mb_per_s:6.0f} {row.put_p50_ms:8.1f} "
        f"{row.put_p95_ms:8.1f} {row.failures:7} {row.store_ms_per_chunk:15.2f} "
        f"{row.cards_on_two_cores:17.1f}\n"
    )


def _clients(profile: S3Profile, group: range, seconds: float, begin: Any, results: Any) -> None:
    store = S3Storage(profile)
    waits: list[float] = []
    failures: list[Exception] = []

    def work(number: int) -> None:
        rest = os.urandom(TAKE_BYTES)
        count = 0
        while time.monotonic() < ends_at:
            take = f"{number} {count}".encode() + rest
            key = chunk_audio_key(hashlib.sha256(take).hexdigest())
            started = time.monotonic()
            try:
                store.put(key, take, is_write_once=True)
                waits.append(time.monotonic() - started)
                store.get(key)
            except Exception as error:  # noqa: BLE001 - counted, whatever it is
                failures.append(error)
            count += 1

    begin.wait()
    ends_at = time.monotonic() + seconds
    threads = [threading.Thread(target=work, args=(number,)) for number in group]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((waits, len(failures)))


if __name__ == "__main__":
    main()
