"""A document's plan as rows, before any of them is stored; the same for every kind of job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from narration.api_settings import LimitSettings
from narration.bounded import BoundedCalls, TooLargeCallError, TooSlowError
from narration.documents.types import Metadata
from narration.errors import DocumentError
from narration.findings import Finding
from narration.jobs.completeness import span_rows
from narration.jobs.outline import outline, require_speakable
from narration.jobs.parts import plan_parts
from narration.jobs.planned import PlannedChapter, PlannedChunk, PlannedPart
from narration.jobs.reading import job_warnings, record_reading
from narration.jobs.reading_record import JobWarning, ReadingRecord
from narration.jobs.record import JobPlan
from narration.jobs.request import JobSettings
from narration.jobs.work import WorkRecord
from narration.text.types import ChunkPlan

# Its function words alone do not identify the language, so the identifier is loaded.
REHEARSED = "Quarterly earnings exceeded expectations, $5 million, Dr. Smith announced yesterday."
DRAFT_S = 5.0  # a text of a few thousand characters takes milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A document as it was submitted."""

    data: bytes
    name: str
    media_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOptions:
    """How a plan is laid out. `opening`: lengths of the first chunks, for a client that waits."""

    segment_chunks: int
    opening: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan: the document's own metadata, and rows for everything that will be spoken."""

    media_type: str
    title: str | None
    author: str | None
    characters: int
    chapters: tuple[PlannedChapter, ...]
    spans: list[list[Any]]
    reading: ReadingRecord
    warnings: tuple[JobWarning, ...]
    chunks: list[PlannedChunk]
    parts: list[PlannedPart]
    metadata: Metadata = field(default_factory=Metadata)


def draft_plan(
    limits: LimitSettings, file: SourceFile, settings: JobSettings, options: DraftOptions
) -> Draft:
    """Read a document and plan what will be spoken.

    Raises: DocumentError; QualityError if a strict job contains text that no voice can speak.
    """
    outlined = outline(
        limits,
        file.data,
        name=file.name,
        media_type=file.media_type,
        settings=settings,
        opening=options.opening,
    )
    require_speakable(outlined, settings.quality.policy)
    document, plan, report = outlined.document, outlined.plan, outlined.report
    return Draft(
        media_type=document.media_type,
        title=settings.title or document.title,
        author=settings.author or document.author,
        characters=len(document.source),
        chapters=tuple(
            PlannedChapter(
                title=chapter.title,
                part=chapter.part,
                first_chunk=chapter.first_chunk,
                number=chapter.number,
            )
            for chapter in plan.chapters
        ),
        spans=span_rows(plan.spans),
        reading=record_reading(report),
        warnings=job_warnings(report.warnings),
        chunks=[
            _plan_chunk(chunk, findings, options.segment_chunks)
            for chunk, findings in zip(plan.chunks, outlined.findings, strict=True)
        ],
        parts=plan_parts(plan.chunks) if settings.outputs else [],
        metadata=document.metadata,
    )


def _plan_chunk(chunk: ChunkPlan, findings: Sequence[Finding], segment_chunks: int) -> PlannedChunk:
    return PlannedChunk(
        index=chunk.index,
        segment=chunk.index // segment_chunks,
        chapter=chunk.chapter,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        caption=chunk.caption,
        spoken_text=chunk.spoken_text,
        pause_after_ms=chunk.pause_after_ms,
        text_findings=tuple(findings),
    )


def rehearse_draft() -> Draft:
    """Lay out a line that makes every table load that later texts need."""
    file = SourceFile(data=REHEARSED.encode(), name="speech", media_type="text/plain")
    options = DraftOptions(segment_chunks=1, opening=(30,))
    return draft_plan(LimitSettings(), file, JobSettings(), options)


def plan_row(job_id: str, owner: str, draft: Draft, work: WorkRecord) -> JobPlan:
    """Return the row of a plan."""
    return JobPlan(
        job_id=job_id,
        owner=owner,
        characters=draft.characters,
        chapters=draft.chapters,
        spans=draft.spans,
        reading=draft.reading,
        work=work,
    )


def draft_apart(
    calls: BoundedCalls,
    limits: LimitSettings,
    file: SourceFile,
    settings: JobSettings,
    options: DraftOptions,
) -> Draft:
    """Plan a short text in a separate process that is stopped if it takes too long.

    Raises: DocumentError, QualityError; BusyError if all such processes are in use.
    """
    try:
        return calls.call(draft_plan, limits, file, settings, options, limit_s=DRAFT_S)
    except TooSlowError as error:
        raise DocumentError(
            f"reading the text takes more than {DRAFT_S:.0f} s: send plain sentences"
        ) from error
    except TooLargeCallError as error:
        raise DocumentError(
            "reading the text took too much memory: send plain sentences"
        ) from error
