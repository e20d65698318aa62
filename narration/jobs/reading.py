"""The reading report of a job: made during planning and stored with the plan."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict

from narration.documents.report import ReadingReport, UnknownCharacter, report_on
from narration.documents.types import Document, Remark
from narration.jobs.reading_record import (
    ChapterReading,
    JobWarning,
    LanguageRecord,
    PassageRecord,
    ReadingRecord,
    RemarkRecord,
    UnknownRecord,
)
from narration.text.alphabet import VOICE_LANGUAGE, count_unknown
from narration.text.types import Plan

# The lists are bounded, because clients poll the body of a job. The totals count everything.
MOST_CHAPTERS = 1000
MOST_LISTED = 50
_CONTEXT = 30


def report_plan(
    document: Document, plan: Plan, chapters: Collection[int] | None = None
) -> ReadingReport:
    """Return the report on a planned document, of which these chapters are read."""
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
    """Return a report as it is stored."""
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


def job_warnings(remarks: Sequence[Remark]) -> tuple[JobWarning, ...]:
    """Return the warnings of a job."""
    return tuple(JobWarning(code=each.code, detail=each.text) for each in remarks[:MOST_LISTED])


def _unknown(document: Document, plan: Plan) -> Iterator[UnknownCharacter]:
    """Return the characters that reach the model but are unknown to it, each once, in order."""
    counts: Counter[str] = Counter()
    places: dict[str, int] = {}
    for chunk in plan.chunks:
        for character, count in count_unknown(chunk.spoken_text).items():
            counts[character] += count
            places.setdefault(character, chunk.start + max(chunk.text.find(character), 0))
    for character, count in counts.items():
        start = places[character]
        context = document.source[max(0, start - _CONTEXT) : start + _CONTEXT]
        yield UnknownCharacter(
            character=character, count=count, start=start, context=" ".join(context.split())
        )
