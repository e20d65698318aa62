"""Every function that may move a job, a segment or a chunk, to be tried in any state."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from narration.errors import ConflictError, LeaseLost, SpeechError
from narration.findings import Finding
from narration.jobs import segment_claim
from narration.jobs.advance import advance_if_rendered, fail_job
from narration.jobs.checkpoints import checkpoint
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.deliver import finish_job, reopen_job
from narration.jobs.events import list_events
from narration.jobs.job_error import JobError
from narration.jobs.mend import Retake, accept_take, retake_chunk
from narration.jobs.past_takes import add_past_take
from narration.jobs.plan import start_rendering
from narration.jobs.record import Chunk, Event, Job, Segment
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.states import (
    SPOKEN,
    UNSPOKEN,
    ChunkState,
    JobState,
    SegmentState,
)
from narration.jobs.step_claim import StepClaim, claim_step, fail_step
from tests.builders import (
    LEASE,
    NOW,
    OWNER,
    claim_segment,
    make_job,
    make_outcome,
    plan_job,
)

TOO_LONG = Finding(flag="too_long", measured=2.0, limit=1.0, unit="seconds")
LATER = NOW + timedelta(hours=1)
Step = Callable[[Session, str], Any]
PAST_TAKE = {
    "owner": OWNER,
    "spoken_text": "ten chars.",
    "voicing": None,
    "seed": 8,
    "cache_key": "b" * 64,
    "sha256": "b" * 64,
    "samples": 24_000,
    "is_watermarked": False,
    "findings": (),
    "level": None,
}
# Of job states in which segments and chunks behave equally, only one is tried.
SOME_STATES = (JobState.PLANNING, JobState.RENDERING, JobState.ASSEMBLING, JobState.FAILED)


def step_claim(job_id: str) -> StepClaim:
    return StepClaim(job_id=job_id, fence=1, tries=1)


def claim_of(job_id: str) -> SegmentClaim:
    return SegmentClaim(
        job_id=job_id, index=0, owner=OWNER, fence=0, tries=1, losses=0, is_suspect=False
    )


def end_chunk(state: ChunkState) -> Step:
    def end(session: Session, job_id: str) -> None:
        take = {"take": None} if state is ChunkState.FAILED else {}
        outcome = make_outcome(0, state=state, **take)
        checkpoint(session, claim_of(job_id), outcome, until=LATER, now=NOW)

    return end


def claim(step: JobState) -> Step:
    return lambda session, job_id: claim_step(
        session, job_id, step, holder="w", until=LATER + LEASE, now=LATER
    )


def claim_suspect(session: Session, job_id: str) -> None:
    session.execute(update(Chunk).values(losses=4))
    session.execute(update(Segment).values(losses=4, lease_until=NOW))
    claim_segment(session, now=LATER, until=LATER + LEASE)


JOB_STEPS: dict[str, Step] = {
    "claim planning": claim(JobState.PLANNING),
    "claim assembling": claim(JobState.ASSEMBLING),
    "start rendering": lambda session, job_id: start_rendering(
        session, step_claim(job_id), wakeups=1, now=NOW
    ),
    "advance": lambda session, job_id: advance_if_rendered(session, job_id, now=NOW),
    "finish": lambda session, job_id: finish_job(session, step_claim(job_id), [], now=NOW),
    "reopen": lambda session, job_id: reopen_job(
        session, step_claim(job_id), [0], wakeups=1, now=NOW
    ),
    "fail": lambda session, job_id: fail_job(session, job_id, SpeechError("no"), now=NOW),
    "fail step": lambda session, job_id: fail_step(
        session, step_claim(job_id), SpeechError("no"), now=NOW
    ),
    "cancel": lambda session, job_id: cancel_job(session, job_id, owner=OWNER, now=NOW),
    "retry": lambda session, job_id: retry_job(session, job_id, owner=OWNER, now=NOW),
    "retake": lambda session, job_id: retake_chunk(
        session, job_id, 0, Retake(), owner=OWNER, now=NOW
    ),
    "accept": lambda session, job_id: accept_take(session, job_id, 0, None, owner=OWNER, now=NOW),
    "choose": lambda session, job_id: accept_take(session, job_id, 0, 1, owner=OWNER, now=NOW),
}
SEGMENT_STEPS: dict[str, Step] = {
    "claim": lambda session, _: claim_segment(session, now=LATER, until=LATER + LEASE),
    "hand back": lambda session, job_id: segment_claim.hand_back_segment(
        session, claim_of(job_id), not_before=NOW
    ),
    "finish": lambda session, job_id: segment_claim.finish_segment(
        session, claim_of(job_id), now=NOW
    ),
    "start rendering": JOB_STEPS["start rendering"],
    "retry": JOB_STEPS["retry"],
    "reopen": JOB_STEPS["reopen"],
    "retake": JOB_STEPS["retake"],
    "choose": JOB_STEPS["choose"],
}
CHUNK_STEPS: dict[str, Step] = {
    "start": lambda session, job_id: segment_claim.start_chunks(session, claim_of(job_id), [0]),
    "end accepted": end_chunk(ChunkState.ACCEPTED),
    "accept": JOB_STEPS["accept"],
    "flag": end_chunk(ChunkState.FLAGGED),
    "fail": end_chunk(ChunkState.FAILED),
    "claim after losses": claim_suspect,
    **SEGMENT_STEPS,
}


def edges(moves: dict[Any, frozenset[Any]]) -> set[tuple[StrEnum, StrEnum]]:
    return {(a, b) for a, targets in moves.items() for b in targets if a is not b}


def run(
    session: Session,
    step: Step,
    *,
    job: JobState,
    segment: SegmentState,
    chunk: ChunkState,
) -> tuple[Job, Segment, Chunk, list[str]]:
    """Put a job of one chunk into states of its own and take the step, then undo it all.

    Returns the rows as the step left them, and the types of the events it wrote.
    """
    with session.begin_nested() as savepoint:
        made = make_job(session)
        plan_job(session, made, chunks=1)
        session.execute(delete(Event))
        error = JobError(code=SpeechError.code, message="no", is_retryable=True)
        session.execute(
            update(Job).values(
                state=job,
                events=0,
                fence=1,
                lease_until=None,
                error=error if job is JobState.FAILED else None,
            )
        )
        session.execute(update(Segment).values(state=segment))
        old: dict[str, Any] = {"findings": (TOO_LONG,), "error": "old"}
        if chunk not in UNSPOKEN:
            old |= {"take": 0, "seed": 7}
        if chunk in SPOKEN:
            old |= {"sha256": "a" * 64, "cache_key": "a" * 64, "samples": 24_000}
        session.execute(update(Chunk).values(state=chunk, **old))
        add_past_take(session, made.id, 0, 1, PAST_TAKE)
        session.expire_all()
        with suppress(ConflictError, LeaseLost), session.begin_nested():
            step(session, made.id)
        session.expire_all()
        rows = (
            session.scalars(select(Job)).one(),
            session.scalars(select(Segment)).one(),
            session.scalars(select(Chunk)).one(),
        )
        events = [event.type for event in list_events(session, made.id)]
        numbers = [event.number for event in list_events(session, made.id)]
        assert numbers == list(range(1, rows[0].events + 1))
        session.expunge_all()
        savepoint.rollback()
    return *rows, events
