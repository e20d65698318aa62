"""Planning a job: read the document, cut it into chunks, lay them out in segments."""

from typing import Any

import structlog

from narration.jobs.completeness import check_complete, span_rows
from narration.jobs.document import read_within
from narration.jobs.lookup import get_job, get_source
from narration.jobs.parts import part_rows
from narration.jobs.plan import has_plan, start_rendering, store_plan
from narration.jobs.record import Job, JobPlan
from narration.jobs.step_claim import StepClaim
from narration.jobs.stored import read_settings
from narration.text.chunk import plan_chunks
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
        is_planned = has_plan(session, claim.job_id)
        data = None if is_planned else get_source(session, claim.job_id)
    if is_planned:
        with context.session() as session:
            start_rendering(
                session, claim, wakeups=context.settings.window_segments, now=context.clock()
            )
    else:
        _plan_anew(context, claim, job, data)


def _plan_anew(context: WorkerContext, claim: StepClaim, job: Job, data: bytes | None) -> None:
    if data is None:
        assert job.source_key is not None
        data = context.stores.work.get(job.source_key)
    document = read_within(
        context.limits, data, name=job.source_name, media_type=job.source_media_type
    )
    settings = read_settings(job.settings)
    plan = plan_chunks(document, settings.chunk_limits, settings.pause_limits)
    check_complete(span_rows(plan.spans), len(document.source), len(plan.chunks))
    with context.session() as session:
        store_plan(
            session,
            claim,
            _plan_row(job, plan, len(document.source)),
            [_chunk_row(chunk, context.settings.segment_chunks) for chunk in plan.chunks],
            part_rows(plan.chunks),
            title=settings.title or document.title,
            author=settings.author or document.author,
            wakeups=context.settings.window_segments,
            now=context.clock(),
        )
    log.info("job_planned", chunks=len(plan.chunks), chapters=len(plan.chapters))


def _plan_row(job: Job, plan: Plan, characters: int) -> JobPlan:
    return JobPlan(
        job_id=job.id,
        owner=job.owner,
        characters=characters,
        chapters=[
            {"title": chapter.title, "first_chunk": chapter.first_chunk}
            for chapter in plan.chapters
        ],
        spans=span_rows(plan.spans),
    )


def _chunk_row(chunk: ChunkPlan, segment_chunks: int) -> dict[str, Any]:
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
    }
