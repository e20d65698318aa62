"""Measures how fast the API is: `python -m tests.bench.api [--seconds 20] [--json FILE]`.

Real Postgres, Valkey and SeaweedFS, one `rhapsode api` process, one worker for planning. The load
comes from tests/bench/load.py in this process: everything shares the machine's cores.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.api_process import Api
from tests.bench.load import Load, run_load
from tests.builders import WORDS
from tests.cluster import Cluster, open_cluster, wait_for
from tests.servers import Postgres, SeaweedFS, Valkey

SUBMIT_RATE, POLL_RATE = 100, 500
POLLED_JOBS = 100
BIG_BYTES = 1_000_000
BIG_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A line of the table; its figure must stay below `limit_ms`."""

    name: str
    worst: str  # which value is compared with the limit
    value_ms: float
    limit_ms: float
    detail: str

    @property
    def is_kept(self) -> bool:
        """Return whether the figure is below its limit."""
        return self.value_ms <= self.limit_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long each load lasts")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    with served() as (cluster, api):
        figures = [
            submissions(api, asked.seconds),
            polls(api, asked.seconds),
            big_text(api),
            planning(cluster, api),
        ]
    show(figures)
    if asked.json:
        asked.json.write_text(
            json.dumps([asdict(f) | {"is_kept": f.is_kept} for f in figures], indent=1)
        )


@contextmanager
def served() -> Iterator[tuple[Cluster, Api]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [Postgres(), Valkey(), SeaweedFS()]
        for server in servers:
            stack.callback(server.close)
        cluster = stack.enter_context(open_cluster(folder, *servers))
        cluster._stop.set()  # its sweeper, which would slow down the load generator
        api = Api(cluster)
        stack.callback(api.close)
        api.start()
        yield cluster, api


def submissions(api: Api, seconds: float) -> Figure:
    text = (WORDS * 20)[:2000]

    def request(number: int) -> bytes:
        return http("POST", "/v1/jobs", json.dumps({"text": f"{number} {text}"}).encode())

    warm_up(api, request)
    load = run_load("127.0.0.1", api.port, request, rate=SUBMIT_RATE, duration_s=seconds)
    return figure(f"submit 2 KB, {SUBMIT_RATE}/s", load, 60)


def polls(api: Api, seconds: float) -> Figure:
    pages = [api.client.get("/v1/jobs", params={"limit": POLLED_JOBS}).json()["items"]]
    paths = [job["urls"]["self"] for page in pages for job in page]

    def request(number: int) -> bytes:
        return http("GET", paths[number % len(paths)])

    warm_up(api, request)
    load = run_load("127.0.0.1", api.port, request, rate=POLL_RATE, duration_s=seconds)
    return figure(f"poll, {POLL_RATE}/s", load, 20)


def big_text(api: Api) -> Figure:
    took_ms = []
    for number in range(BIG_TRIES):
        text = f"{number} " + WORDS * (BIG_BYTES // len(WORDS))
        started = time.perf_counter()
        answer = api.client.post("/v1/jobs", json={"text": text})
        took_ms.append((time.perf_counter() - started) * 1000)
        assert answer.is_success, answer.text
    detail = f"{BIG_TRIES} in a row, median {sorted(took_ms)[BIG_TRIES // 2]:.0f} ms"
    return Figure(
        name="accept 1 MB of text", worst="max", value_ms=max(took_ms), limit_ms=500, detail=detail
    )


def planning(cluster: Cluster, api: Api) -> Figure:
    """Measure from submission to the stored plan, on a warm worker with nothing else to do."""
    cluster.valkey.client().flushall()
    for job in api.client.get("/v1/jobs", params={"limit": 100, "state": "queued"}).json()["items"]:
        api.client.post(job["urls"]["cancel"])
    text = "\n\n".join(
        f"Chapter {n}. " + WORDS * 8 for n in range(BIG_BYTES // (len(WORDS) * 8 + 12))
    )
    cluster.start_worker("cpu")
    plan(api, WORDS)  # the process has started and read its code once this is planned
    started = time.perf_counter()
    path = plan(api, text)
    took_ms = (time.perf_counter() - started) * 1000
    chunks = api.client.get(path).json()["progress"]["chunks_total"]
    return Figure(
        name="plan 1,000,000 characters",
        worst="once",
        value_ms=took_ms,
        limit_ms=10_000,
        detail=f"{len(text):,} characters, {chunks:,} chunks, submitted to stored",
    )


def plan(api: Api, text: str) -> str:
    """Submit a text and return its job's path when the plan is stored."""
    answer = api.client.post("/v1/jobs", json={"text": text, "priority": 9})
    assert answer.is_success, answer.text
    path = str(answer.json()["urls"]["self"])
    wait_for(lambda: api.client.get(path).json()["state"] == "rendering", 120, "plan")
    return path


def warm_up(api: Api, request: object) -> None:
    """Send a second of load that is not measured: connections are opened, code is loaded."""
    run_load("127.0.0.1", api.port, request, rate=50, duration_s=1)  # type: ignore[arg-type]


def http(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def figure(name: str, load: Load, limit_ms: float) -> Figure:
    assert load.refused == 0, f"{load.refused} of {load.sent} requests were refused"
    detail = f"{load.sent} requests, median {load.percentile_ms(0.5):.1f} ms"
    return Figure(
        name=name,
        worst="p99",
        value_ms=load.percentile_ms(0.99),
        limit_ms=limit_ms,
        detail=detail,
    )


def show(figures: list[Figure]) -> None:
    cores, busy = os.cpu_count(), os.getloadavg()[0]
    title = f"{cores} cores, load {busy:.1f} at the end; generator: tests/bench/load.py, open loop"
    table = Table(title=title)
    for column in ("what", "value", "ms", "limit ms", "kept", "detail"):
        table.add_column(column)
    for line in figures:
        kept = "yes" if line.is_kept else "NO"
        numbers = (f"{line.value_ms:,.1f}", f"{line.limit_ms:,.0f}")
        table.add_row(line.name, line.worst, *numbers, kept, line.detail)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
