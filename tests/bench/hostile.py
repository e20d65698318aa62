"""Measures how 45 hostile books slow other callers: `python -m tests.bench.hostile [--books 45]`.

Real Postgres, Valkey and SeaweedFS and one `rhapsode api` process. While the books are being read,
other requests are sent one after the other, as a probe and a page would.
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
from rich.console import Console

from tests.api_process import Api
from tests.cluster import open_cluster
from tests.epubs import entangled_epub
from tests.servers import Postgres, SeaweedFS, Valkey

PATHS = ("/livez", "/v1/jobs", "/v1/voices")
UPLOAD_TIMEOUT_S = 200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=45)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Postgres()) as postgres,
        closing(Valkey()) as valkey,
        closing(SeaweedFS()) as seaweedfs,
        open_cluster(Path(folder), postgres, valkey, seaweedfs) as cluster,
    ):
        api = Api(cluster)
        try:
            api.start()
            measure(api.url, options.books)
        finally:
            api.close()


def measure(url: str, books: int) -> None:
    """Print how long the books took, and how long other callers waited meanwhile."""
    book = entangled_epub()
    console = Console()
    with ThreadPoolExecutor(books) as pool, httpx.Client(base_url=url, timeout=60) as client:
        for path in PATHS:
            client.get(path)
        started = time.monotonic()
        sent = [pool.submit(send, url, book) for _ in range(books)]
        waits = wait_beside(client, sent)
        took_s = time.monotonic() - started
    statuses = Counter(future.result() for future in sent)
    console.print(f"{books} books of {len(book)} bytes: {took_s:.1f} s, {dict(statuses)}")
    for path, waited_ms in waits.items():
        middle, most = statistics.median(waited_ms), max(waited_ms)
        console.print(f"{path}: {middle:.0f} ms, at most {most:.0f} ms of {len(waited_ms)} calls")


def send(url: str, book: bytes) -> int:
    files = {"file": ("b.epub", book, "application/epub+zip")}
    return httpx.post(f"{url}/v1/jobs", files=files, timeout=UPLOAD_TIMEOUT_S).status_code


def wait_beside(client: httpx.Client, sent: list[Future[int]]) -> dict[str, list[float]]:
    """Call each path until every book is answered; return the latencies."""
    waits: dict[str, list[float]] = {path: [] for path in PATHS}
    while not all(future.done() for future in sent):
        for path, waited_ms in waits.items():
            started = time.perf_counter()
            client.get(path).raise_for_status()
            waited_ms.append((time.perf_counter() - started) * 1000)
        time.sleep(0.01)
    return waits


if __name__ == "__main__":
    main()
