"""Measures how long a book takes from POST to its manifest: `python -m tests.bench.job`.

The service with real servers, as it is deployed: the API, workers for the CPU, one worker for each
card. A book's stages are read from its events. What is printed as x is audio seconds per second.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.job_client import HEAD, Client, Row, Submitted, say, show
from tests.bench.saturation import Load, LoadMeter
from tests.bench.service import Service, open_service
from tests.bench.texts import CHARACTERS_PER_HOUR, make_book

ARTICLE_CHARACTERS = 1_100  # two minutes of these words: its last paragraph is complete
SETTLE_S = 15.0  # until a book keeps the engine full


class Scenarios:
    """The measurements, in order; each yields a row per job."""

    def __init__(self, client: Client, options: argparse.Namespace) -> None:
        self._client = client
        self._limit_s = options.limit_s
        self._characters = round(options.hours * CHARACTERS_PER_HOUR)
        self._book = make_book(self._characters, seed=options.seed)
        self._seed = options.seed

    def article(self) -> Iterator[Row]:
        """An article alone; code that is loaded at first use is loaded here."""
        yield self._run("an article", make_article(self._seed + 20), ["m4b"])

    def long_book(self) -> Iterator[Row]:
        """A book four times as long, and in its midst an article."""
        seed = self._seed + 30
        book = self._submit("a book four times as long", self._other_book(seed, times=4))
        time.sleep(SETTLE_S)
        article = self._submit("an article in its midst", make_article(seed + 1))
        yield self._client.wait(article, self._limit_s)
        yield self._client.wait(book, self._limit_s)

    def book(self) -> Iterator[Row]:
        """A book alone."""
        yield self._run("a book", self._book, ["m4b", "vtt"])

    def changed(self) -> Iterator[Row]:
        """The same book with one sentence changed; all others are in the chunk cache."""
        middle = self._book.index(". ", len(self._book) // 2)
        text = self._book[:middle] + " and then no more" + self._book[middle:]
        yield self._run("one sentence changed", text, ["m4b", "vtt"])

    def revised(self) -> Iterator[Row]:
        """The book again, and a revision of it with another sentence changed."""
        again = self._client.submit("the same book again", self._book, ["m4b", "vtt"])
        yield self._client.wait(again, self._limit_s)
        middle = self._book.index(". ", len(self._book) // 3)
        text = self._book[:middle] + " and so on" + self._book[middle:]
        revision = self._client.revise("a revision of it", again, text)
        yield self._client.wait(revision, self._limit_s)

    def outputs(self) -> Iterator[Row]:
        """Another book in three formats at once."""
        text = self._other_book(self._seed + 1)
        yield self._run("three outputs", text, ["m4b", "mp3", "flac"])

    def beside(self) -> Iterator[Row]:
        """While a book keeps the engine full: another book's first part, and articles."""
        seeds = [self._seed + n for n in range(2, 6)]
        full = self._submit("a book, others beside it", self._other_book(seeds[0]))
        time.sleep(SETTLE_S)
        second = self._submit("the book beside it", self._other_book(seeds[1]))
        yield self._client.wait(second, self._limit_s, until="first part")
        self._client.cancel(second.id)
        article = self._submit("an article beside it", make_article(seeds[2]))
        yield self._client.wait(article, self._limit_s)
        article = self._submit("an urgent article", make_article(seeds[3]), priority=9)
        yield self._client.wait(article, self._limit_s)
        yield self._client.wait(full, self._limit_s)

    def library(self) -> Iterator[Row]:
        """Four books at once."""
        books = [
            self._submit(f"book {n + 1} of four", self._other_book(self._seed + 10 + n))
            for n in range(4)
        ]
        for book in books:
            yield self._client.wait(book, self._limit_s)

    def _run(self, what: str, text: str, outputs: list[str]) -> Row:
        return self._client.wait(self._client.submit(what, text, outputs), self._limit_s)

    def _submit(self, what: str, text: str, **settings: Any) -> Submitted:
        return self._client.submit(what, text, ["m4b"], **settings)

    def _other_book(self, seed: int, times: int = 1) -> str:
        return make_book(times * self._characters, seed)


def make_article(seed: int) -> str:
    """Return a text of one chapter that takes two minutes to read."""
    return make_book(ARTICLE_CHARACTERS, seed, chapters=1)


SCENARIOS: dict[str, Callable[[Scenarios], Iterator[Row]]] = {
    "article": Scenarios.article,
    "book": Scenarios.book,
    "changed": Scenarios.changed,
    "revised": Scenarios.revised,
    "outputs": Scenarios.outputs,
    "beside": Scenarios.beside,
    "library": Scenarios.library,
    "long": Scenarios.long_book,
}


def main() -> None:
    options = _options()
    if options.engine_alone:
        subprocess.run(_engine_alone(options), check=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        cards = list(range(options.first_card, options.first_card + options.cards))
        worker = {"is_listenable": options.listenable} | json.loads(options.worker)
        began = time.monotonic()
        with open_service(
            Path(folder),
            model=options.model,
            cards=cards,
            cpu_workers=options.cpu_workers,
            caches=options.caches,
            worker=worker,
        ) as service:
            service.wait_until_ready(options.limit_s)
            say(f"ready after {time.monotonic() - began:.1f} s")
            time.sleep(options.settle_s)
            measure(service, options)
            for command in options.afterwards:
                words = [word.replace("URL", service.url) for word in shlex.split(command)]
                subprocess.run(words, check=False)


def measure(service: Service, options: argparse.Namespace) -> None:
    rows: list[Row] = []
    used: dict[str, Any] = {}
    loads: dict[str, Load] = {}
    scenarios = Scenarios(Client(service), options)
    for name in options.parts:
        before = service.processes()
        with LoadMeter(service.database, service.store_folder) as meter:
            for row in SCENARIOS[name](scenarios):
                rows.append(row)
                say(show(row))
            loads[name] = meter.load()
        took_s, after = loads[name].took_s, service.processes()
        used[name] = {
            process: {"cores": (cpu - before[process][0]) / took_s, "memory_mb": memory}
            for process, (cpu, memory) in after.items()
        }
        say(f"  {name}, cores and MB: " + ", ".join(
            f"{process} {one['cores']:.2f} {one['memory_mb']:.0f}"
            for process, one in used[name].items()
        ))  # fmt: skip
        say(f"  {name}: {loads[name]}")
        if options.out:
            report = {
                "rows": [asdict(row) for row in rows],
                "processes": used,
                "load": {name: asdict(load) for name, load in loads.items()},
            }
            options.out.write_text(json.dumps(report, indent=1))
    say("\n" + " | ".join(HEAD))
    for row in rows:
        say(show(row))


def _engine_alone(options: argparse.Namespace) -> list[str]:
    own = ["--model", options.model, "--hours", str(options.hours), "--seed", str(options.seed)]
    own += ["--caches", str(options.caches)] if options.caches else []
    return [sys.executable, "-m", "tests.bench.engine_alone", *own]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo", help="a name, a folder, or `tones`")
    parser.add_argument("--cards", type=int, default=0, help="GPUs, each with a worker of its own")
    parser.add_argument("--first-card", type=int, default=0)
    parser.add_argument("--cpu-workers", type=int, default=1)
    parser.add_argument("--hours", type=float, default=10.0, help="of each book")
    parser.add_argument(
        "--parts", nargs="+", choices=SCENARIOS, default=["article", "book", "changed"]
    )
    parser.add_argument("--worker", default="{}", help="settings of workers, as JSON")
    parser.add_argument("--engine-alone", action="store_true", help="speak the book's chunks first")
    parser.add_argument("--no-listening", dest="listenable", action="store_false")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-s", type=float, default=600.0, help="for each job")
    parser.add_argument(
        "--settle-s", type=float, default=0.0, help="idle, while workers prepare for more lengths"
    )
    parser.add_argument("--folder", type=Path, help="for servers' files; a temporary one if unset")
    parser.add_argument("--caches", type=Path, help="of the engine, kept from run to run")
    parser.add_argument(
        "--afterwards", nargs="+", default=[], help="commands; URL is the service's"
    )
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
