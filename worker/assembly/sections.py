"""Divides a job's sound into files: the whole, or one per chapter."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from narration.jobs.record import Chunk, JobPlan
from narration.jobs.request import JobSettings, Split
from worker.assembly.tags import flat_titles
from worker.assembly.types import Mark, Measurement
from worker.chatterbox.config import SAMPLE_RATE_HZ

MAX_TITLE_CHARS = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Chunks [first, end) that become one file per format; `chapter` is None for the whole.

    `start` and `samples` are their position in the programme, the last pause included.
    """

    first: int
    end: int
    start: int
    samples: int
    name: str | None = None  # without a suffix; None: the default names
    title: str | None = None
    chapter: int | None = None

    @property
    def duration_ms(self) -> int:
        """The duration of the file."""
        return self.samples * 1000 // SAMPLE_RATE_HZ

    def shift(self, marks: Sequence[Mark]) -> list[Mark]:
        """Return where its chunks are in its own file."""
        own = marks[self.first : self.end]
        return [Mark(start=m.start - self.start, end=m.end - self.start) for m in own]


def divide(settings: JobSettings, plan: JobPlan, sound: Measurement) -> list[Section]:
    """Return the files of a job in order; chapters are named by number and title."""
    chunks = len(sound.marks)
    if settings.split is not Split.CHAPTER or not plan.chapters:
        return [Section(first=0, end=chunks, start=0, samples=sound.samples)]
    return list(_chapters(plan, sound))


def file_breaks(settings: JobSettings, chunks: Sequence[Chunk]) -> frozenset[int]:
    """Return the indices in `chunks` at which a new file starts."""
    if settings.split is not Split.CHAPTER:
        return frozenset()
    return frozenset(
        number
        for number in range(1, len(chunks))
        if chunks[number].chapter != chunks[number - 1].chapter
    )


def _chapters(plan: JobPlan, sound: Measurement) -> Iterator[Section]:
    firsts = [chapter.first_chunk for chapter in plan.chapters]
    ends = [*firsts[1:], len(sound.marks)]
    starts = [sound.marks[first].start for first in firsts]
    stops = [*starts[1:], sound.samples]
    titles = flat_titles((c.part, c.title) for c in plan.chapters)
    # Plans of older versions have no numbers; such jobs contain all chapters.
    numbers = [c.number or place for place, c in enumerate(plan.chapters, start=1)]
    digits = max(2, len(str(max(numbers))))
    for number, title, first, end, start, stop in zip(
        numbers, titles, firsts, ends, starts, stops, strict=True
    ):
        yield Section(
            first=first,
            end=end,
            start=start,
            samples=stop - start,
            name=_name(number, digits, title),
            title=title,
            chapter=number,
        )


def _name(number: int, digits: int, title: str) -> str:
    """Return a name that is safe on disks, in buckets and in URLs: `03-The-Long-Winter`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = _UNSAFE.sub("-", plain.replace("'", "")).strip("-")[:MAX_TITLE_CHARS].strip("-")
    return f"{number:0{digits}}-{words}" if words else f"{number:0{digits}}"
