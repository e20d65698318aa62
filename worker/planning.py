"""Plans a job: reads the document, cuts it into chunks, groups them into segments."""

import structlog
from sqlalchemy.orm import Session

from narration.documents.types import Metadata
from narration.jobs.draft import DraftOptions, SourceFile, draft_plan, plan_row
from narration.jobs.inherit import inherit_chunks
from narration.jobs.lookup import find_narrator, get_job, get_source
from narration.jobs.plan import has_plan, start_rendering, store_plan
from narration.jobs.record import Job
from narration.jobs.step_claim import StepClaim, require_step
from narration.jobs.stored import read_settings
from narration.jobs.work import cover_type, record_work, usable_cover
from narration.storage.interface import Storage
from narration.storage.keys import cover_key
from narration.workers import count_slots
from worker.context import WorkerContext
from worker.leases import Lease

log = structlog.get_logger(__name__)


def plan_job(context: WorkerContext, claim: StepClaim, _: Lease) -> None:
    """Write a job's chunks and wake the workers that render them.

    A job that was planned in an earlier attempt keeps its chunks, finished ones included.
    Raises: DocumentError if the document cannot be narrated; LeaseLost.
    """
    with context.session(is_read_only=True) as session:
        job = get_job(session, claim.job_id)
        narrator = find_narrator(session, job)
        is_planned = has_plan(session, claim.job_id)
        data = None if is_planned else get_source(session, claim.job_id)
    if is_planned:
        with context.session() as session:
            wakeups = _wakeups(context, session)
            start_rendering(session, claim, wakeups=wakeups, now=context.clock())
    else:
        _plan_anew(context, claim, job, data, narrator)


def _plan_anew(
    context: WorkerContext, claim: StepClaim, job: Job, data: bytes | None, narrator: str | None
) -> None:
    if data is None:
        assert job.source_key is not None
        data = context.stores.work.get(job.source_key)
    draft = draft_plan(
        context.limits,
        SourceFile(data=data, name=job.source_name, media_type=job.source_media_type),
        read_settings(job.settings),
        DraftOptions(segment_chunks=context.settings.segment_chunks),
    )
    cover = _store_cover(context.stores.work, job, draft.metadata)
    work = record_work(draft.metadata, narrator=narrator, cover=cover)
    with context.session() as session:
        inherited = inherit_chunks(session, job, draft.chunks)
        if inherited.provenance:
            require_step(session, claim, **inherited.provenance)
        store_plan(
            session,
            claim,
            plan_row(job.id, job.owner, draft, work),
            inherited.chunks,
            draft.parts,
            title=draft.title,
            author=draft.author,
            warnings=draft.warnings,
            wakeups=_wakeups(context, session),
            now=context.clock(),
        )
    log.info("job_planned", chunks=len(draft.chunks), chapters=len(draft.chapters))


def _wakeups(context: WorkerContext, session: Session) -> int:
    """Return how many segments of one job can be rendered at once.

    More messages would find nothing to do: each one that is used sends the next.
    """
    window = context.settings.window_segments
    return min(count_slots(session, now=context.clock()) or window, window)


def _store_cover(store: Storage, job: Job, metadata: Metadata) -> str | None:
    """Make sure that the job's cover is stored, the caller's or the document's; return its type."""
    key = cover_key(job.id)
    if store.stat(key) is not None:
        return cover_type(store.get(key))
    own = usable_cover(metadata.cover)
    if own is None:
        return None
    media_type = cover_type(own)
    assert media_type is not None, "it was found usable"
    store.put(key, own, media_type=media_type)
    return media_type
