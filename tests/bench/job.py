"""`python -m tests.bench.job`: how long people wait for a book, from POST to its manifest.

The service with real servers, as it is deployed: the API, workers for the CPU, one worker for each
card. A book's stages are read from its events. What is printed as x is audio seconds per second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.record import Chunk, Event, Job, Part
from narration.jobs.states import ENDED, JobState
from tests.bench.service import Service, open_service
from tests.bench.texts import CHARACTERS_PER_HOUR, make_book

ARTICLE_CHARACTERS = 1_800  # two minutes
SETTLE_S = 15.0  # until a book keeps the engine full
POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job: seconds from its POST on."""

    what: str
    outputs: str
    hours: float
    chunks: int
    accepted_s: float
    planned_s: float | None
    first_part_s: float | None
    last_chunk_s: float | None
    last_part_s: float | None
    delivered_s: float | None
    x: float
    state: str


HEAD = ("job", "outputs", "hours", "chunks", "accepted", "planned", "first part", "last chunk",
        "last part", "delivered", "x")  # fmt: skip


class Client:
    """Submits texts and reads what became of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx.Client(base_url=service.url, timeout=60)

    def submit(self, what: str, text: str, outputs: list[str], **settings: Any) -> "Submitted":
        settings = {"quality": {"policy": "off"}, "outputs": outputs, **settings}
        posted_at = utc_now()
        answer = self.http.post("/v1/jobs", json={"text": text, **settings})
        if answer.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(f"{what}: {answer.status_code} {answer.text[:500]}")
        accepted_s = (utc_now() - posted_at).total_seconds()
        return Submitted(what, answer.json()["id"], posted_at, accepted_s, "+".join(outputs))

    def cancel(self, job_id: str) -> None:
        self.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()

    def wait(self, submitted: "Submitted", timeout_s: float, until: str = "end") -> Row:
        """Wait for the end of a job, or for its first part, and return its stages."""
        ends_at = time.monotonic() + timeout_s
        shown_at = time.monotonic()
        while time.monotonic() < ends_at:
            job = self._job(submitted.id)
            if job.state in ENDED or (until == "first part" and self._stored(submitted.id)):
                break
            if time.monotonic() - shown_at > 5:
                shown_at = time.monotonic()
                say(f"  {submitted.what}: {job.state} {job.chunks_done} of {job.chunks_total}")
            time.sleep(POLL_S)
        return self.row(submitted)

    def row(self, submitted: "Submitted") -> Row:
        job = self._job(submitted.id)
        with session_scope(self.service.database, is_read_only=True) as session:
            samples = session.scalar(
                select(func.sum(Chunk.samples)).where(Chunk.job_id == submitted.id)
            )
            times = dict(
                session.execute(
                    select(Event.type, func.max(Event.created_at))
                    .where(Event.job_id == submitted.id)
                    .group_by(Event.type)
                ).all()
            )
            first = session.scalar(
                select(func.min(Event.created_at)).where(
                    Event.job_id == submitted.id, Event.type == "part.stored"
                )
            )
        since = submitted.seconds_to
        delivered_s = since(job.ended_at) if job.state is JobState.SUCCEEDED else None
        hours = (samples or 0) / 24_000 / 3600
        return Row(
            what=submitted.what,
            outputs=submitted.outputs,
            hours=hours,
            chunks=job.chunks_total,
            accepted_s=submitted.accepted_s,
            planned_s=since(job.planned_at),
            first_part_s=since(first),
            last_chunk_s=since(times.get("chunk.accepted")),
            last_part_s=since(times.get("part.stored")),
            delivered_s=delivered_s,
            x=hours * 3600 / delivered_s if delivered_s else 0.0,
            state=job.state,
        )

    def _job(self, job_id: str) -> Job:
        with session_scope(self.service.database, is_read_only=True) as session:
            return session.get_one(Job, job_id)

    def _stored(self, job_id: str) -> bool:
        with session_scope(self.service.database, is_read_only=True) as session:
            part = session.get(Part, (job_id, 0))
            return part is not None and part.state == "stored"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that was accepted, with the moment before its POST."""

    what: str
    id: str
    posted_at: datetime
    accepted_s: float
    outputs: str

    def seconds_to(self, moment: datetime | None) -> float | None:
        return None if moment is None else (moment - self.posted_at).total_seconds()


class Scenarios:
    """What is measured, one after the other; each yields a row per job."""

    def __init__(self, client: Client, options: argparse.Namespace) -> None:
        self._client = client
        self._limit_s = options.limit_s
        self._characters = round(options.hours * CHARACTERS_PER_HOUR)
        self._book = make_book(self._characters, seed=options.seed)
        self._seed = options.seed

    def book(self) -> Iterator[Row]:
        """A book, nothing beside it."""
        yield self._run("a book", self._book, ["m4b", "vtt"])

    def changed(self) -> Iterator[Row]:
        """The same book with one sentence changed; all others are in the chunk cache."""
        middle = self._book.index(". ", len(self._book) // 2)
        text = self._book[:middle] + " and then no more" + self._book[middle:]
        yield self._run("one sentence changed", text, ["m4b", "vtt"])

    def outputs(self) -> Iterator[Row]:
        """Another book in three formats at once."""
        text = make_book(self._characters, seed=self._seed + 1)
        yield self._run("three outputs", text, ["m4b", "mp3", "flac"])

    def beside(self) -> Iterator[Row]:
        """While a book keeps the engine full: another book's first part, and articles."""
        seeds = [self._seed + n for n in range(2, 6)]
        full = self._submit("a book, others beside it", seeds[0], self._characters)
        time.sleep(SETTLE_S)
        second = self._submit("the book beside it", seeds[1], self._characters)
        yield self._client.wait(second, self._limit_s, until="first part")
        self._client.cancel(second.id)
        article = self._submit("an article beside it", seeds[2], ARTICLE_CHARACTERS)
        yield self._client.wait(article, self._limit_s)
        article = self._submit("an urgent article", seeds[3], ARTICLE_CHARACTERS, priority=9)
        yield self._client.wait(article, self._limit_s)
        yield self._client.wait(full, self._limit_s)

    def library(self) -> Iterator[Row]:
        """Four books at once."""
        books = [
            self._submit(f"book {n + 1} of four", self._seed + 10 + n, self._characters)
            for n in range(4)
        ]
        for book in books:
            yield self._client.wait(book, self._limit_s)

    def _run(self, what: str, text: str, outputs: list[str]) -> Row:
        return self._client.wait(self._client.submit(what, text, outputs), self._limit_s)

    def _submit(self, what: str, seed: int, characters: int, **settings: Any) -> Submitted:
        return self._client.submit(what, make_book(characters, seed), ["m4b"], **settings)


SCENARIOS: dict[str, Callable[[Scenarios], Iterator[Row]]] = {
    "book": Scenarios.book,
    "changed": Scenarios.changed,
    "outputs": Scenarios.outputs,
    "beside": Scenarios.beside,
    "library": Scenarios.library,
}


def main() -> None:
    options = _options()
    if options.engine_alone:
        subprocess.run(_engine_alone(options), check=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        cards = list(range(options.cards))
        worker = {"is_listenable": options.listenable} | json.loads(options.worker)
        began = time.monotonic()
        with open_service(
            Path(folder),
            model=options.model,
            cards=cards,
            cpu_workers=options.cpu_workers,
            worker=worker,
        ) as service:
            service.wait_until_ready(options.limit_s)
            say(f"ready after {time.monotonic() - began:.1f} s")
            measure(service, options)


def measure(service: Service, options: argparse.Namespace) -> None:
    rows: list[Row] = []
    used: dict[str, Any] = {}
    scenarios = Scenarios(Client(service), options)
    for name in options.parts:
        before, began = service.processes(), time.monotonic()
        for row in SCENARIOS[name](scenarios):
            rows.append(row)
            say(_line(row))
        took_s, after = time.monotonic() - began, service.processes()
        used[name] = {
            process: {"cores": (cpu - before[process][0]) / took_s, "memory_mb": memory}
            for process, (cpu, memory) in after.items()
        }
        say(f"  {name}, cores and MB: " + ", ".join(
            f"{process} {one['cores']:.2f} {one['memory_mb']:.0f}"
            for process, one in used[name].items()
        ))  # fmt: skip
        if options.out:
            report = {"rows": [asdict(row) for row in rows], "processes": used}
            options.out.write_text(json.dumps(report, indent=1))
    say("\n" + " | ".join(HEAD))
    for row in rows:
        say(_line(row))


def _engine_alone(options: argparse.Namespace) -> list[str]:
    own = ["--model", options.model, "--hours", str(options.hours), "--seed", str(options.seed)]
    return [sys.executable, "-m", "tests.bench.engine_alone", *own]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(row: Row) -> str:
    stages = (row.accepted_s, row.planned_s, row.first_part_s, row.last_chunk_s, row.last_part_s,
              row.delivered_s)  # fmt: skip
    times = [" -" if seconds is None else f"{seconds:.2f} s" for seconds in stages]
    facts = (row.what, row.outputs, f"{row.hours:.2f}", str(row.chunks), *times, f"{row.x:.0f}")
    return " | ".join(facts) + ("" if row.delivered_s else f" | {row.state}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo", help="a name or a folder")
    parser.add_argument("--cards", type=int, default=0, help="GPUs, each with a worker of its own")
    parser.add_argument("--cpu-workers", type=int, default=1)
    parser.add_argument("--hours", type=float, default=10.0, help="of each book")
    parser.add_argument("--parts", nargs="+", choices=SCENARIOS, default=["book", "changed"])
    parser.add_argument("--worker", default="{}", help="settings of workers, as JSON")
    parser.add_argument("--engine-alone", action="store_true", help="speak the book's chunks first")
    parser.add_argument("--no-listening", dest="listenable", action="store_false")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-s", type=float, default=600.0, help="for each job")
    parser.add_argument("--folder", type=Path, help="for servers' files; a temporary one if unset")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
