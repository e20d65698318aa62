"""Measures the delay of streamed speech, alone and beside listeners: `tests.bench.speech`.

The service with real servers, and a worker that makes tones after a fixed time for each chunk: the
rest of the delay is the way from the request to the engine and back. With `--model`, a GPU speaks.
Listeners play in real time, and start another text when one is over. They begin one after the
other within the time that a text lasts; with `--spread-s 3` nearly at once, so that the engine is
full until it has spoken all of their texts. A table shows how long each step of a request took:
`tests.bench.speech_steps`.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from narration.sound.waveform import SAMPLE_RATE_HZ
from tests.api_process import Api
from tests.bench.figures import percentiles
from tests.bench.service import ONE_TAKE, START, open_service
from tests.bench.speech_steps import Asked, tables
from tests.builders import WORDS
from tests.cluster import open_cluster
from tests.servers import Postgres, SeaweedFS, Valkey

BYTES_PER_S = 2 * SAMPLE_RATE_HZ
SENTENCES = 8  # of a listener's text: some forty seconds
ASKED_SENTENCES = 3  # of a text that is measured
PAUSE_S = 0.2
SETTLE_S = 3.0
READY_S = 900.0  # kernels are compiled the first time
WIDTH = 120
TELEMETRY = {"log_format": "json", "log_level": "debug"}
LISTENER_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """How far ahead of playback the sound of a text was at the least."""

    lead_s: float
    at_s: float  # since the listeners began
    received_s: float  # of the text's sound, until then

    @property
    def is_late(self) -> bool:
        return self.lead_s < 0


@dataclass(slots=True)
class Listeners:
    """What was heard of the texts that were played."""

    began_at: float = field(default_factory=time.monotonic)
    leads: list[Lead] = field(default_factory=list)
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    listeners: int
    requests: int
    mean_s: float
    p50_s: float
    p95_s: float
    beyond_engine_p50_s: float
    least_lead_s: float | None
    texts: int  # that listeners have played
    stalled: int  # of which the sound was late at least once
    failures: int
    late: list[Lead]  # of these


class Load:
    """Requests to one server; every sentence is new, so that nothing comes from the cache."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._draw = random.SystemRandom()

    async def ask(self) -> Asked:
        began = time.monotonic()
        async with self._answer(sentences=ASKED_SENTENCES) as answer:
            async for _ in answer.aiter_raw():
                return Asked(
                    request_id=answer.headers["x-request-id"],
                    job_id=answer.headers["x-job-id"],
                    asked_at=began,
                    heard_at=time.monotonic(),
                )
        raise RuntimeError("a stream without a byte")

    async def listen(self, heard: Listeners, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        while True:
            try:
                await self._play(heard)
            except (httpx.HTTPError, RuntimeError):
                heard.failures += 1

    async def _play(self, heard: Listeners) -> None:
        began, received, least = None, 0, None
        try:
            async with self._answer(sentences=SENTENCES) as answer:
                async for block in answer.aiter_raw():
                    now = time.monotonic()
                    began = began or now
                    if received:  # received before this block, minus played
                        received_s = received / BYTES_PER_S
                        lead_s = received_s - (now - began)
                        if least is None or lead_s < least.lead_s:
                            at_s = now - heard.began_at
                            least = Lead(lead_s=lead_s, at_s=at_s, received_s=received_s)
                    received += len(block)
        finally:
            if least is not None:
                heard.leads.append(least)
        await asyncio.sleep(max(0.0, received / BYTES_PER_S - (time.monotonic() - (began or 0))))

    @asynccontextmanager
    async def _answer(self, *, sentences: int) -> AsyncIterator[httpx.Response]:
        text = " ".join(_sentence(self._draw) for _ in range(sentences))
        body = {"model": "rhapsode", "input": text, "response_format": "pcm"}
        async with self._client.stream("POST", "/v1/audio/speech", json=body) as answer:
            if answer.status_code != httpx.codes.OK:
                raise RuntimeError(f"answered {answer.status_code}")
            yield answer


def _sentence(draw: random.Random) -> str:
    """Return two random clauses; the first takes about two seconds to speak."""
    words = WORDS.replace(",", "").replace(".", "").lower().split()
    first = " ".join(draw.choices(words, k=draw.randint(5, 6)))
    second = " ".join(draw.choices(words, k=draw.randint(7, 14)))
    return f"{first}, {second}.".capitalize()


async def measure(
    url: str, listeners: int, *, requests: int, chunk_s: float, spread_s: float = 0.0
) -> tuple[Row, list[Asked]]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=LISTENER_TIMEOUT_S, limits=limits) as client:
        load, heard = Load(client), Listeners()
        others = [
            asyncio.create_task(load.listen(heard, n * spread_s / listeners))
            for n in range(listeners)
        ]
        await asyncio.sleep(spread_s + SETTLE_S if listeners else 0)
        asked: list[Asked] = []
        for _ in range(requests):
            asked.append(await load.ask())
            await asyncio.sleep(PAUSE_S)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    seconds = [one.heard_at - one.asked_at for one in asked]
    figures = percentiles(seconds)
    row = Row(
        listeners=listeners,
        requests=requests,
        mean_s=float(np.mean(seconds)),
        beyond_engine_p50_s=figures["p50_s"] - chunk_s,
        least_lead_s=min((one.lead_s for one in heard.leads), default=None),
        texts=len(heard.leads),
        stalled=sum(one.is_late for one in heard.leads),
        failures=heard.failures,
        late=[one for one in heard.leads if one.is_late],
        **figures,
    )
    return row, asked


@contextmanager
def served(folder: Path, chunk_s: float, threads: int) -> Iterator[str]:
    with ExitStack() as stack:
        servers = [stack.enter_context(closing(kind())) for kind in (Postgres, Valkey, SeaweedFS)]
        cluster = stack.enter_context(open_cluster(folder, *servers, slots=4))
        cluster._environment["RHAPSODE_TELEMETRY"] = json.dumps(TELEMETRY)
        cluster.start_worker("gpu", chunk_s=chunk_s, engine_threads=threads)
        cluster.start_worker("cpu")
        api = Api(cluster)
        stack.callback(api.close)
        api.start()
        cluster.wait_until_ready()
        yield api.url


@contextmanager
def _speaking(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    """Serve with the real engine on a GPU, as tests.bench.job does."""
    with open_service(
        folder,
        model=options.model,
        cards=[options.card],
        cpu_workers=1,
        caches=options.caches,
        api=ONE_TAKE if options.one_take else START,
        telemetry=TELEMETRY,
    ) as service:
        service.wait_until_ready(READY_S)
        time.sleep(options.settle_s)
        yield service.url


def show(rows: list[Row]) -> None:
    table = Table(title="From the request to the first byte of sound")
    for name in (
        "listeners",
        "mean",
        "p50",
        "p95",
        "p50 beyond the engine",
        "least lead",
        "texts played, stalled",
        "failed",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        lead = "-" if row.least_lead_s is None else f"{row.least_lead_s:.2f} s"
        times = (row.mean_s, row.p50_s, row.p95_s, row.beyond_engine_p50_s)
        shown = [f"{1000 * seconds:.0f} ms" for seconds in times]
        played = f"{row.texts}, {row.stalled}"
        table.add_row(str(row.listeners), *shown, lead, played, str(row.failures))
    console = Console()
    console.print(table)
    for row in rows:
        for one in sorted(row.late, key=lambda late: late.at_s):
            console.print(
                f"beside {row.listeners}: a text was {-one.lead_s:.2f} s late after "
                f"{one.received_s:.1f} s of it, {one.at_s:.1f} s after the listeners began",
                soft_wrap=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, nargs="+", default=[0, 8, 32])
    parser.add_argument("--requests", type=int, default=30)
    parser.add_argument("--spread-s", type=float, default=45.0, help="in which listeners begin")
    parser.add_argument("--chunk-s", type=float, default=0.118, help="the engine's, for each chunk")
    parser.add_argument("--threads", type=int, default=32, help="chunks the engine speaks at once")
    parser.add_argument("--url", help="a service that runs already")
    parser.add_argument("--model", help="a name or a folder: a service that speaks on a GPU")
    parser.add_argument("--card", type=int, default=0, help="the GPU that speaks")
    parser.add_argument(
        "--one-take", action="store_true", help="accept each first take: weights speak gibberish"
    )
    parser.add_argument(
        "--settle-s", type=float, default=60.0, help="for the engine to capture graphs while idle"
    )
    parser.add_argument("--caches", type=Path, help="of the engine, kept from run to run")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.url is not None:
            url = options.url
        elif options.model is not None:
            url = stack.enter_context(_speaking(folder, options))
        else:
            url = stack.enter_context(served(folder, options.chunk_s, options.threads))
        asyncio.run(measure(url, 0, requests=3, chunk_s=0))  # warm-up: processes start, caches fill
        for listeners in options.listeners:
            row, asked = asyncio.run(
                measure(
                    url,
                    listeners,
                    requests=options.requests,
                    chunk_s=options.chunk_s,
                    spread_s=options.spread_s,
                )
            )
            rows.append(row)
            Console(width=WIDTH).print(f"{listeners} listeners", *tables(asked, folder), sep="\n")
    show(rows)
    if options.out is not None:
        options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
