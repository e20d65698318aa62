"""Measures how fast documents become plans: `python -m tests.bench.planning [FILE...]`.

Without files: random prose, every eighth word of which is a figure or an abbreviation, a story of
the examples repeated many times, and the same as markdown and as an e-book. Times are CPU seconds
of this process, the least of several runs, because other work on the machine only adds. `--json
FILE` writes the table for a program.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from narration.documents.read import read_document
from narration.text.chunk import plan_chunks
from tests.epubs import make_epub

_STORY = Path(__file__).parents[2] / "examples" / "the-selfish-giant.md"
_WORDS = (  # noqa: SIM905 - a list of strings would be harder to read
    "the of and to a in that he was it his her with as had for she not at but be on they have him "
    "which said me you all so this from one by what there were my out up when if we would 1905 "
    "Mr. Dr. $5.50 25% 3:30 12 U.S. little then will must before upon man any"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text: its length, and the least CPU seconds for reading and planning it."""

    text: str
    characters: int
    chunks: int
    read_s: float
    plan_s: float

    @property
    def characters_per_s(self) -> float:
        """Characters read and planned in a second."""
        return self.characters / (self.read_s + self.plan_s)


def main() -> None:
    """Print one line per text."""
    options = _options()
    files = [(path.name, path.read_bytes()) for path in options.files]
    texts = files or list(_made(options.characters))
    sys.stdout.write(
        f"{'text':24} {'characters':>12} {'read s':>8} {'plan s':>8} {'chars/s':>10}\n"
    )
    rows = []
    for name, data in texts:
        rows.append(measure(name, data, options.runs))
        sys.stdout.write(_line(rows[-1]))
    if options.json:
        content = [{**asdict(row), "characters_per_s": row.characters_per_s} for row in rows]
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


def measure(name: str, data: bytes, runs: int) -> Row:
    """Read and plan a document several times; the fastest of each counts."""
    read_s, plan_s = [], []
    for _ in range(runs):
        began = time.process_time()
        document = read_document(data, name=name)
        read = time.process_time()
        plan = plan_chunks(document)
        plan_s.append(time.process_time() - read)
        read_s.append(read - began)
    return Row(
        text=name,
        characters=len(document.source),
        chunks=len(plan.chunks),
        read_s=min(read_s),
        plan_s=min(plan_s),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--characters", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _made(characters: int) -> Iterator[tuple[str, bytes]]:
    yield "figures.txt", "\n\n".join(prose_with_figures(characters)).encode()
    story = _STORY.read_text(encoding="utf-8").split("---\n", 2)[2].strip()
    times = characters // len(story) + 1
    yield "story.txt", "\n\n".join([story.replace("#", "")] * times).encode()
    yield "story.md", "\n\n".join([story] * times).encode()
    pages = {f"p{number}": _page(story) for number in range(times)}
    yield "story.epub", make_epub(pages)


def prose_with_figures(characters: int) -> Iterator[str]:
    """Return paragraphs of random words with about that many characters."""
    source = random.Random(1)
    size = 0
    while size < characters:
        words = " ".join(source.choice(_WORDS) for _ in range(source.randint(3, 120)))
        sentences = words.replace(" then", ". Then").replace(" but", ", but")
        size += len(sentences) + 3
        yield f"{sentences}."


def _page(story: str) -> str:
    title, *paragraphs = story.split("\n\n")
    return f"<h1>{title.lstrip('# ')}</h1>" + "".join(f"<p>{each}</p>\n" for each in paragraphs)


def _line(row: Row) -> str:
    return (
        f"{row.text[:24]:24} {row.characters:12,} {row.read_s:8.2f} {row.plan_s:8.2f} "
        f"{row.characters_per_s:10,.0f}\n"
    )


if __name__ == "__main__":
    main()
