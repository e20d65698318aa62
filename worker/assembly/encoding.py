"""Encodes parts while the rest of the job is still being spoken."""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

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
from narration.jobs.stored import read_settings
from narration.sound.gain import LevelSetting
from worker.assembly.chunk_levels import fill_levels
from worker.assembly.part_store import PartStore
from worker.assembly.sections import file_breaks
from worker.assembly.sound import codecs_of, levels_of, loudness_of, plan_work, sounds_of
from worker.chunk_audio import LostAudio
from worker.context import WorkerContext
from worker.lease_runner import Work, run_under_lease
from worker.leases import Lease

log = structlog.get_logger(__name__)


def encode_next(context: WorkerContext, job_id: str | None = None) -> bool:
    """Encode the part whose turn it is, of one job if given; return False if there is none."""
    with context.session() as session:
        claim = claim_part(
            session,
            holder=context.holder,
            until=context.leases.until(),
            now=context.clock(),
            job_id=job_id,
        )
    if claim is None:
        return False
    with structlog.contextvars.bound_contextvars(job_id=claim.job_id, part=claim.index):
        run_under_lease(context, _work(context, claim), partial(_encode, context, claim))
    return True


def _encode(context: WorkerContext, claim: PartClaim, lease: Lease) -> None:
    job, part, cuts, chunks = _read(context, claim)
    settings = read_settings(job.settings)
    assert job.gain_db is not None, "claims ask for it"
    setting = LevelSetting(gain_db=job.gain_db, loudness=loudness_of(settings))
    codecs = codecs_of(settings, is_listenable=context.settings.is_listenable)
    sound = None
    try:
        fill_levels(context, chunks)
        levels = levels_of(chunks)
        breaks = file_breaks(settings, chunks)
        works = plan_work(chunks, levels, cuts, codecs, setting, breaks=breaks)
        number = cuts.index(part.first_chunk - part.needs_from)
        work = works[number]
        store = PartStore(
            context=context, owner=claim.owner, chunks=chunks, levels=levels, setting=setting
        )
        encoded = store.find([work])
        encoded |= {encoded_part.digest: encoded_part for encoded_part in store.make(work, encoded)}
        sound = sounds_of(works, chunks, encoded)[number]
    except LostAudio as error:
        # Assembling the job will find it missing, too, and have the chunk spoken again.
        log.warning("chunk_audio_lost", reason=str(error))
    lease.check()
    with context.session() as session:
        finish_part(session, claim, sound=sound, now=context.clock())


def _read(context: WorkerContext, claim: PartClaim) -> tuple[Job, Part, list[int], list[Chunk]]:
    """Return the job, the part, and the chunks it needs with the cuts among them."""
    with context.session(is_read_only=True) as session:
        job = get_job(session, claim.job_id)
        part = get_part(session, claim.job_id, claim.index)
        needed = range(part.needs_from, part.needs_end)
        chunks = get_chunks(session, claim.job_id, needed)
        cuts = [cut - needed.start for cut in get_cuts(session, claim.job_id, needed)]
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
