"""The reading report of a job: made when it is planned, and kept with its plan."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from narration.documents.report import ReadingReport, UnknownCharacter, report_on
from narration.documents.types import Document, Remark
from narration.text.alphabet import VOICE_LANGUAGE, count_unknown
from narration.text.types import Plan

# What is listed one by one is bounded: a job's own body is polled. All of it is counted.
MOST_CHAPTERS = 1000
MOST_LISTED = 50
_CONTEXT = 30


class _Stored(BaseModel):
    """Read from a row that another version may have written."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LanguageRecord(_Stored):
    """The language of a document, and how sure that is, from 0 to 1."""

    language: str = Field(examples=["en"])
    confidence: float
    is_told: bool = Field(description="the document says so itself")


class ChapterReading(_Stored):
    """A chapter as it was read; `part` is empty where the work has no parts.

    `number` counts all chapters of the document from 1 on; None in old rows.
    """

    number: int | None = None
    title: str
    part: str
    words: int
    characters: int


class PassageRecord(_Stored):
    """source[start:end] is in another language, or alphabet, than the document."""

    start: int
    end: int
    language: str
    alphabet: str


class UnknownRecord(_Stored):
    """A character that the voice cannot say, how often it comes, and where first."""

    character: str
    count: int
    start: int
    context: str


class RemarkRecord(_Stored):
    """What a person should know about how the text was read; a warning asks for a look."""

    text: str
    code: str
    is_warning: bool
    start: int | None
    end: int | None


class ReadingRecord(_Stored):
    """What came of a document; `skipped` counts characters that are not read, by reason.

    Of chapters, passages and remarks the first are listed; the totals count all.
    """

    title: str | None
    authors: list[str]
    media_type: str
    language: LanguageRecord | None
    words: int
    characters: int
    skipped: dict[str, int] = Field(examples=[{"note": 1200, "page_number": 300}])
    chapters_total: int
    chapters: list[ChapterReading]
    foreign_total: int
    foreign: list[PassageRecord]
    unknown_total: int
    unknown: list[UnknownRecord]
    remarks: list[RemarkRecord]


def report_plan(
    document: Document, plan: Plan, chapters: Collection[int] | None = None
) -> ReadingReport:
    """Account for a document that has been planned, of which these chapters are read."""
    skipped = Counter[str]()
    for span in plan.skipped:
        assert span.reason is not None, "a skipped span has a reason"
        skipped[span.reason.value] += span.end - span.start
    return report_on(
        document,
        voice_language=VOICE_LANGUAGE,
        skipped=skipped,
        unknown=tuple(_unknown(document, plan)),
        chosen=chapters,
    )


def record_reading(report: ReadingReport) -> ReadingRecord:
    """Return a report as it is kept."""
    return ReadingRecord(
        title=report.title,
        authors=list(report.authors),
        media_type=report.media_type,
        language=LanguageRecord(**asdict(report.language)) if report.language else None,
        words=report.words,
        characters=report.characters,
        skipped=report.skipped,
        chapters_total=len(report.chapters),
        chapters=[ChapterReading(**asdict(each)) for each in report.chapters[:MOST_CHAPTERS]],
        foreign_total=len(report.foreign),
        foreign=[PassageRecord(**asdict(each)) for each in report.foreign[:MOST_LISTED]],
        unknown_total=sum(each.count for each in report.unknown),
        unknown=[UnknownRecord(**asdict(each)) for each in report.unknown[:MOST_LISTED]],
        remarks=[RemarkRecord(**asdict(each)) for each in report.remarks[:MOST_LISTED]],
    )


def warning_rows(remarks: Sequence[Remark]) -> list[dict[str, Any]]:
    """Return what a job warns of, as its row keeps it."""
    return [{"code": each.code, "detail": each.text} for each in remarks[:MOST_LISTED]]


def _unknown(document: Document, plan: Plan) -> Iterator[UnknownCharacter]:
    """Characters that reach the model but are not known to it, each once, in order."""
    counts: Counter[str] = Counter()
    places: dict[str, int] = {}
    for chunk in plan.chunks:
        for character, count in count_unknown(chunk.spoken_text).items():
            counts[character] += count
            places.setdefault(character, chunk.start + max(chunk.text.find(character), 0))
    for character, count in counts.items():
        start = places[character]
        around = document.source[max(0, start - _CONTEXT) : start + _CONTEXT]
        yield UnknownCharacter(
            character=character, count=count, start=start, context=" ".join(around.split())
        )
