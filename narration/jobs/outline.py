"""What a document becomes before anything is spoken: for a job, for a plan, for the command line.

All three use this module, so that a plan has the same chunks as the job created from it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from narration.api_settings import LimitSettings
from narration.documents.report import ReadingReport, list_chapters
from narration.documents.types import Document, Metadata, Remark
from narration.errors import QualityError
from narration.findings import Finding
from narration.jobs.completeness import check_complete, span_rows
from narration.jobs.cuts import length_of
from narration.jobs.document import read_within
from narration.jobs.outline_record import OutlinedChapter, OutlineRecord
from narration.jobs.reading import (
    MOST_CHAPTERS,
    job_warnings,
    record_reading,
    report_plan,
)
from narration.jobs.reading_record import JobWarning
from narration.jobs.request import JobSettings, QualityPolicy
from narration.jobs.work import (
    MAX_COVER_BYTES,
    cover_type,
    narrator_of,
    record_work,
    usable_cover,
)
from narration.text.chunk import plan_chunks
from narration.text.findings import judge_text
from narration.text.types import ChunkPlan, Plan

_SHOWN_CHARS = 60  # of a text quoted in an error message


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A document, its plan, the reading report, and the findings on each chunk's text."""

    document: Document
    plan: Plan
    report: ReadingReport
    findings: tuple[tuple[Finding, ...], ...]


def outline(
    limits: LimitSettings,
    data: bytes,
    *,
    name: str | None,
    media_type: str | None,
    settings: JobSettings,
    opening: tuple[int, ...] = (),
) -> Outline:
    """Read and plan a document within the limits, with every character accounted for.

    `opening`: lengths of the first chunks, for a client that waits.
    Raises: DocumentError.
    """
    document = read_within(limits, data, name=name, media_type=media_type, options=settings.reading)
    plan = plan_chunks(
        document,
        replace(settings.chunk_limits, opening=opening),
        settings.pause_limits,
        settings.english,
        settings.chapters,
    )
    check_complete(span_rows(plan.spans), len(document.source), len(plan.chunks))
    remarks = (*document.remarks, *_on_cover(document.metadata))
    report = report_plan(replace(document, remarks=remarks), plan, settings.chapters)
    findings = tuple(judge_text(plan.chunks, report.foreign))
    return Outline(document=document, plan=plan, report=report, findings=findings)


def require_speakable(outlined: Outline, policy: QualityPolicy) -> None:
    """Refuse a plan with a chunk of which no take could pass the checks.

    Raises: QualityError.
    """
    if policy is not QualityPolicy.STRICT:
        return
    chunks = outlined.plan.chunks
    unspeakable = [
        (chunk, findings)
        for chunk, findings in zip(chunks, outlined.findings, strict=True)
        if findings
    ]
    if not unspeakable:
        return
    chunk, findings = unspeakable[0]
    raise QualityError(
        f"{len(unspeakable):,} of {len(chunks):,} chunks contain what the voice cannot say, "
        f'the first at character {chunk.start:,} ("{chunk.caption[:_SHOWN_CHARS]}": '
        f"{findings[0].flag}, {findings[0].detail}): correct the text, or use policy flag"
    )


def chapter_of(plan: Plan, chunk: ChunkPlan) -> int:
    """Return the number of a chunk's chapter in the document."""
    return plan.chapters[chunk.chapter].number


def record_outline(outlined: Outline, settings: JobSettings) -> OutlineRecord:
    """Return an outline as it is stored and shown; it lists the first chapters and counts all."""
    document = outlined.document
    chapters = list(_chapters(outlined, settings.chapters))
    cover = usable_cover(document.metadata.cover)
    return OutlineRecord(
        title=settings.title or document.title,
        author=settings.author or document.author,
        work=record_work(
            document.metadata,
            narrator=narrator_of(settings.voice),
            cover=cover_type(cover) if cover else None,
        ),
        source_characters=len(document.source),
        chunks=len(outlined.plan.chunks),
        audio_s=round(sum(map(length_of, outlined.plan.chunks)), 1),
        chapters_total=len(chapters),
        chapters=chapters[:MOST_CHAPTERS],
        warnings=list(_warnings(outlined, settings)),
        reading=record_reading(outlined.report),
    )


def _on_cover(metadata: Metadata) -> Iterator[Remark]:
    """Return a remark about a cover that cannot be put into the files."""
    cover = metadata.cover
    if cover is not None and usable_cover(cover) is None:
        yield Remark(
            code="cover_not_used",
            text=f"the cover ({cover.media_type}, {len(cover.data):,} bytes) is left out of the "
            f"files: give one that is JPEG or PNG and has at most {MAX_COVER_BYTES:,} bytes",
        )


def _chapters(outlined: Outline, chosen: Sequence[int] | None) -> Iterator[OutlinedChapter]:
    lengths: defaultdict[int, list[float]] = defaultdict(list)
    for chunk in outlined.plan.chunks:
        lengths[chapter_of(outlined.plan, chunk)].append(length_of(chunk))
    for chapter in list_chapters(outlined.document):
        own = lengths[chapter.number]
        yield OutlinedChapter(
            **asdict(chapter),
            is_chosen=chosen is None or chapter.number in chosen,
            chunks=len(own),
            audio_s=round(sum(own), 1),
        )


def _warnings(outlined: Outline, settings: JobSettings) -> Iterator[JobWarning]:
    yield from job_warnings(outlined.report.warnings)
    try:
        require_speakable(outlined, settings.quality.policy)
    except QualityError as error:
        yield JobWarning(code=error.code, detail=str(error))
