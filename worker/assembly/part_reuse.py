"""Finishes all parts of a job that were encoded before, once one of them turns out to be."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from narration.jobs.lookup import get_chunks, get_job
from narration.jobs.part_reuse import FoundPart, finish_found, untouched_parts
from narration.jobs.parts import get_cuts
from narration.jobs.record import Chunk, Job, Part
from worker.assembly.part_planning import PlannedWork, plan_one
from worker.context import WorkerContext

PARTS = 128  # per transaction: other workers wait for the job's row meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Spoken parts of a job that nobody encodes, with the chunks they need and the cuts there."""

    job: Job
    parts: Sequence[Part]
    chunks: dict[int, Chunk]
    cuts: Sequence[int]


class PartReuse:
    """Finishes parts that are in the cache of encoded parts; shared by a worker's threads."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._guard = threading.Lock()

    def finish_rest(self, context: WorkerContext, job_id: str) -> None:
        """Finish the cached parts of a job, unless another thread is doing that.

        It goes on while it finds something.
        """
        with self._guard:
            if job_id in self._jobs:
                return
            self._jobs.add(job_id)
        try:
            after = -1
            while (batch := _read(context, job_id, after)).parts:
                if not _finish(context, batch):
                    return
                after = batch.parts[-1].index
        finally:
            with self._guard:
                self._jobs.discard(job_id)


def _read(context: WorkerContext, job_id: str, after: int) -> _Batch:
    with context.session(is_read_only=True) as session:
        job = get_job(session, job_id)
        parts = untouched_parts(session, job_id, after=after, most=PARTS, now=context.clock())
        needed = range(
            min((part.needs_from for part in parts), default=0),
            max((part.needs_end for part in parts), default=0),
        )
        chunks = {chunk.index: chunk for chunk in get_chunks(session, job_id, needed)}
        cuts = get_cuts(session, job_id, needed)
    return _Batch(job=job, parts=parts, chunks=chunks, cuts=cuts)


def _finish(context: WorkerContext, batch: _Batch) -> bool:
    """Finish what was encoded before; return whether there was any."""
    job = batch.job
    if job.gain_db is None:
        return False
    plans = {part.index: plan for part in batch.parts if (plan := _plan(context, batch, part))}
    if not plans:
        return False
    store = next(iter(plans.values())).store
    encoded = store.find([plan.work for plan in plans.values()])
    found = [
        FoundPart(index=index, takes=plan.takes, sound=plan.sound(encoded))
        for index, plan in plans.items()
        if all(digest in encoded for digest in plan.work.digests)
    ]
    with context.session() as session:
        finish_found(session, job.id, found, gain_db=job.gain_db, now=context.clock())
    return bool(found)


def _plan(context: WorkerContext, batch: _Batch, part: Part) -> PlannedWork | None:
    """Plan a part; None if the level of a take has to be measured first."""
    chunks = [batch.chunks[number] for number in range(part.needs_from, part.needs_end)]
    if any(chunk.level is None or chunk.sha256 is None for chunk in chunks):
        return None
    cuts = [cut for cut in batch.cuts if part.needs_from <= cut < part.needs_end]
    return plan_one(context, batch.job, part, chunks, cuts)
