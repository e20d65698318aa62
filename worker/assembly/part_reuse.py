"""Finishes all parts of a job that were encoded before, once one of them turns out to be."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from narration.jobs.lookup import get_chunks, get_job
from narration.jobs.part_reuse import FoundPart, finish_found, untouched_parts
from narration.jobs.parts import PartClaim, get_cuts
from narration.jobs.record import Chunk, Job, Part
from worker.assembly.part_planning import PlannedWork, plan_one
from worker.context import WorkerContext

PARTS = 128  # per transaction: other workers wait for the job's row meanwhile
REMEMBERED = 1024  # jobs
WAIT_S = 1.0  # the longest that claims wait for a look into the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Spoken parts of a job that nobody encodes, with the chunks they need and the cuts there."""

    job: Job
    parts: Sequence[Part]
    chunks: dict[int, Chunk]
    cuts: Sequence[int]


class PartReuse:
    """Finishes parts that are in the cache of encoded parts; shared by a worker's threads.

    While one thread finds out whether a part is cached, and finishes the others of its job if so,
    the others do not claim. Otherwise each would claim cached parts one by one, and all of them
    together would slow that thread down.
    """

    def __init__(self) -> None:
        self._is_reused: OrderedDict[str, bool] = OrderedDict()  # by job: was its last part cached?
        # Parts, and jobs whose other parts are finished.
        self._looking: set[PartClaim | str] = set()
        self._changed = threading.Condition()
        self._claiming = threading.Lock()
        self._nothing_since = -math.inf  # when the last claim that found nothing began

    def claim(self, claim_next: Callable[[], PartClaim | None]) -> PartClaim | None:
        """Claim a part of any job, after what is being looked up; call `leave` afterwards."""
        since = time.monotonic()
        with self._claiming:
            self._wait(since)
            # Once a thread finds nothing left, neither would those that came before it looked.
            if since < self._nothing_since:
                return None
            began_at = time.monotonic()
            claim = claim_next()
            if claim is None:
                self._nothing_since = began_at
            else:
                self._enter(claim)
            return claim

    def claim_of(self, job_id: str, claim_next: Callable[[], PartClaim | None]) -> PartClaim | None:
        """Claim a part of one job as `claim` does; others may claim meanwhile."""
        self._wait(time.monotonic(), job_id)
        claim = claim_next()
        if claim is not None:
            self._enter(claim)
        return claim

    def note(self, claim: PartClaim, *, is_cached: bool) -> None:
        """Note whether a claimed part is cached; if not, the others go on."""
        with self._changed:
            self._is_reused[claim.job_id] = is_cached
            self._is_reused.move_to_end(claim.job_id)
            if len(self._is_reused) > REMEMBERED:
                self._is_reused.popitem(last=False)
        if not is_cached:
            self.leave(claim)

    def leave(self, claim: PartClaim) -> None:
        """End the look that a claim began, if it has not ended."""
        self._end(claim)

    def finish_rest(self, context: WorkerContext, job_id: str) -> None:
        """Finish the cached parts of a job, unless another thread is doing that.

        It goes on while it finds something.
        """
        with self._changed:
            if job_id in self._looking:
                return
            self._looking.add(job_id)
        try:
            after = -1
            while (batch := _read(context, job_id, after)).parts:
                if not _finish(context, batch):
                    return
                after = batch.parts[-1].index
        finally:
            self._end(job_id)

    def _enter(self, claim: PartClaim) -> None:
        """Hold up the others, unless the last part of its job was not cached."""
        with self._changed:
            if self._is_reused.get(claim.job_id, True):
                self._looking.add(claim)

    def _end(self, look: PartClaim | str) -> None:
        with self._changed:
            self._looking.discard(look)
            self._changed.notify_all()

    def _wait(self, since: float, job_id: str | None = None) -> None:
        """Wait while a job is looked up, by default any job; at most WAIT_S from `since`."""

        def is_free() -> bool:
            jobs = {look if isinstance(look, str) else look.job_id for look in self._looking}
            return not jobs if job_id is None else job_id not in jobs

        with self._changed:
            self._changed.wait_for(is_free, max(0.0, since + WAIT_S - time.monotonic()))


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
