"""Planning a job: read the document, cut it into chunks, lay them out in segments."""

from collections.abc import Sequence
from typing import Any

import structlog

from narration.documents.report import ReadingReport
from narration.documents.types import Document
from narration.findings import Finding, dump_findings
from narration.jobs.completeness import span_rows
from narration.jobs.lookup import find_narrator, get_job, get_source
from narration.jobs.outline import outline, require_speakable
from narration.jobs.parts import part_rows
from narration.jobs.plan import has_plan, start_rendering, store_plan
from narration.jobs.reading import record_reading, warning_rows
from narration.jobs.record import Job, JobPlan
from narration.jobs.step_claim import StepClaim
from narration.jobs.stored import read_settings
from narration.jobs.work import WorkRecord, cover_type, record_work, usable_cover
from narration.storage.interface import Storage
from narration.storage.keys import cover_key
from narration.text.types import ChunkPlan, Plan
from worker.context import WorkerContext
from worker.leases import Lease

log = structlog.get_logger(__name__)


def plan_job(context: WorkerContext, claim: StepClaim, _: Lease) -> None:
    """Write a job's chunks and wake the workers that speak them.

    A job that an earlier attempt has planned keeps its chunks, finished ones included.
    Raises: DocumentError if the document cannot be narrated; LeaseLost.
    """
    with context.session(is_read_only=True) as session:
        job = get_job(session, claim.job_id)
        narrator = find_narrator(session, job)
        is_planned = has_plan(session, claim.job_id)
        data = None if is_planned else get_source(session, claim.job_id)
    if is_planned:
        with context.session() as session:
            start_rendering(
                session, claim, wakeups=context.settings.window_segments, now=context.clock()
            )
    else:
        _plan_anew(context, claim, job, data, narrator)


def _plan_anew(
    context: WorkerContext, claim: StepClaim, job: Job, data: bytes | None, narrator: str | None
) -> None:
    if data is None:
        assert job.source_key is not None
        data = context.stores.work.get(job.source_key)
    settings = read_settings(job.settings)
    outlined = outline(
        context.limits,
        data,
        name=job.source_name,
        media_type=job.source_media_type,
        settings=settings,
    )
    require_speakable(outlined, settings.quality.policy)
    document, plan, report = outlined.document, outlined.plan, outlined.report
    cover = _store_cover(context.stores.work, job, document)
    work = record_work(document.metadata, narrator=narrator, cover=cover)
    with context.session() as session:
        store_plan(
            session,
            claim,
            _plan_row(job, document, plan, report, work),
            [
                _chunk_row(chunk, found, context.settings.segment_chunks)
                for chunk, found in zip(plan.chunks, outlined.findings, strict=True)
            ],
            part_rows(plan.chunks),
            title=settings.title or document.title,
            author=settings.author or document.author,
            warnings=warning_rows(report.warnings),
            wakeups=context.settings.window_segments,
            now=context.clock(),
        )
    log.info("job_planned", chunks=len(plan.chunks), chapters=len(plan.chapters))


def _store_cover(store: Storage, job: Job, document: Document) -> str | None:
    """Make sure that a job's cover is stored, the caller's or its document's; return its type."""
    key = cover_key(job.id)
    if store.stat(key) is not None:
        return cover_type(store.get(key))
    own = usable_cover(document.metadata.cover)
    if own is None:
        return None
    media_type = cover_type(own)
    assert media_type is not None, "it was found usable"
    store.put(key, own, media_type=media_type)
    return media_type


def _plan_row(
    job: Job, document: Document, plan: Plan, report: ReadingReport, work: WorkRecord
) -> JobPlan:
    return JobPlan(
        job_id=job.id,
        owner=job.owner,
        characters=len(document.source),
        chapters=[
            {
                "title": chapter.title,
                "part": chapter.part,
                "first_chunk": chapter.first_chunk,
                "number": chapter.number,
            }
            for chapter in plan.chapters
        ],
        spans=span_rows(plan.spans),
        reading=record_reading(report).model_dump(mode="json"),
        work=work.model_dump(mode="json"),
    )


def _chunk_row(
    chunk: ChunkPlan, findings: Sequence[Finding], segment_chunks: int
) -> dict[str, Any]:
    return {
        "index": chunk.index,
        "segment": chunk.index // segment_chunks,
        "chapter": chunk.chapter,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "caption": chunk.caption,
        "spoken_text": chunk.spoken_text,
        "pause_after_ms": chunk.pause_after_ms,
        "text_findings": dump_findings(findings),
    }
