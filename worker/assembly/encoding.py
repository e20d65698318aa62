"""Encodes parts while the rest of the job is still being spoken."""

from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from narration.errors import NotFoundError
from narration.jobs.advance import fail_job
from narration.jobs.lookup import get_chunks, get_job
from narration.jobs.parts import (
    PartClaim,
    claim_part,
    finish_part,
    get_cuts,
    get_part,
    hand_back_part,
    renew_part,
)
from narration.jobs.record import Chunk, Job, Part
from worker.assembly.chunk_levels import fill_levels
from worker.assembly.part_planning import plan_one
from worker.chunk_audio import LostAudio
from worker.context import WorkerContext
from worker.lease_runner import Work, run_under_lease
from worker.leases import Lease

log = structlog.get_logger(__name__)


def encode_next(context: WorkerContext, job_id: str | None = None) -> bool:
    """Encode the part whose turn it is; return False if there is none.

    `job_id`: only a part of this job, whose delivery waits for it.

    If it was encoded before, as part of another job, the rest of the job is looked up, too.
    """
    reuse, claim_next = context.part_reuse, partial(_claim, context, job_id)
    claim = reuse.claim(claim_next) if job_id is None else reuse.claim_of(job_id, claim_next)
    if claim is None:
        return False
    try:
        with structlog.contextvars.bound_contextvars(job_id=claim.job_id, part=claim.index):
            encoding = _Encoding(context, claim, is_for_delivery=job_id is not None)
            run_under_lease(context, _work(context, claim), encoding.run)
            if encoding.is_cached:
                with suppress(NotFoundError):  # the job was deleted since
                    reuse.finish_rest(context, claim.job_id)
    finally:
        reuse.leave(claim)
    return True


def _claim(context: WorkerContext, job_id: str | None) -> PartClaim | None:
    with context.session() as session:
        return claim_part(
            session,
            holder=context.holder,
            until=context.leases.until(),
            now=context.clock(),
            job_id=job_id,
        )


class _Encoding:
    """One part being encoded; `is_cached` once it is finished and needed no encoding."""

    def __init__(self, context: WorkerContext, claim: PartClaim, *, is_for_delivery: bool) -> None:
        self._context = context
        self._claim = claim
        self._is_for_delivery = is_for_delivery
        self.is_cached = False

    def run(self, lease: Lease) -> None:
        context, claim = self._context, self._claim
        job, part, cuts, chunks = _read(context, claim)
        sound, is_cached = None, False
        try:
            fill_levels(context, chunks)
            plan = plan_one(context, job, part, chunks, cuts, is_for_delivery=self._is_for_delivery)
            encoded = plan.store.find([plan.work])
            is_found = all(digest in encoded for digest in plan.work.digests)
            context.part_reuse.note(claim, is_cached=is_found)
            made = plan.store.make(plan.work, encoded)
            is_cached = not made
            sound = plan.sound(encoded | {each.digest: each for each in made})
        except LostAudio as error:
            # Assembling the job will find it missing, too, and have the chunk spoken again.
            log.warning("chunk_audio_lost", reason=str(error))
        lease.check()
        with context.session() as session:
            finish_part(session, claim, sound=sound, now=context.clock())
        self.is_cached = is_cached


def _read(context: WorkerContext, claim: PartClaim) -> tuple[Job, Part, list[int], list[Chunk]]:
    """Return the job, the part, and the chunks it needs with the cuts among them."""
    with context.session(is_read_only=True) as session:
        job = get_job(session, claim.job_id)
        part = get_part(session, claim.job_id, claim.index)
        needed = range(part.needs_from, part.needs_end)
        chunks = get_chunks(session, claim.job_id, needed)
        cuts = get_cuts(session, claim.job_id, needed)
    return job, part, cuts, chunks


def _work(context: WorkerContext, claim: PartClaim) -> Work:
    def renew(session: Session, *, until: datetime) -> bool:
        return renew_part(session, claim, until=until)

    def give_up(session: Session, error: Exception) -> bool:
        is_ours = renew(session, until=context.leases.until())
        return is_ours and fail_job(session, claim.job_id, error, now=context.clock())

    return Work(
        job_id=claim.job_id,
        tries=claim.tries,
        renew=renew,
        hand_back=lambda session, not_before, tries: hand_back_part(
            session, claim, not_before=not_before, tries=tries
        ),
        fail=give_up,
    )
