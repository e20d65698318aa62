"""What moves jobs, segments and chunks, on every database; subclasses bring a `database`.

Every function that may move one is tried in every state: the moves that come about are exactly
those of the tables, and each is told of by an event.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.errors import ConflictError, LeaseLost, SpeechError
from narration.jobs import segment_claim
from narration.jobs.advance import advance_if_rendered, fail_job
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.deliver import finish_job, reopen_job
from narration.jobs.events import list_events
from narration.jobs.plan import start_rendering
from narration.jobs.purge import delete_job
from narration.jobs.record import Chunk, Event, Job, Segment
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.states import (
    CHUNK_MOVES,
    JOB_MOVES,
    SEGMENT_MOVES,
    SPOKEN,
    UNSPOKEN,
    ChunkState,
    JobState,
    SegmentState,
)
from narration.jobs.step_claim import StepClaim, claim_step, fail_step
from narration.jobs.takes import checkpoint
from tests.builders import (
    LEASE,
    NOW,
    OWNER,
    claim_segment,
    make_job,
    make_outcome,
    plan_job,
    stores_in,
)

LATER = NOW + timedelta(hours=1)
Step = Callable[[Session, str], Any]
# States of a job between which its segments and chunks behave alike are tried once.
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
}
CHUNK_STEPS: dict[str, Step] = {
    "start": lambda session, job_id: segment_claim.start_chunks(session, claim_of(job_id), [0]),
    "accept": end_chunk(ChunkState.ACCEPTED),
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
        session.execute(update(Job).values(state=job, events=0, fence=1, lease_until=None))
        session.execute(update(Segment).values(state=segment))
        old: dict[str, Any] = {"findings": [{"flag": "too_long"}], "error": "old"}
        if chunk not in UNSPOKEN:
            old |= {"take": 0, "seed": 7}
        if chunk in SPOKEN:
            old |= {"sha256": "a" * 64, "samples": 24_000}
        session.execute(update(Chunk).values(state=chunk, **old))
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


class TransitionsContract:
    """Nothing moves but by the tables."""

    def test_jobs_move_as_the_table_says_and_tell_of_it(self, database: Engine) -> None:
        found: set[tuple[StrEnum, StrEnum]] = set()
        with session_scope(database) as session:
            for job, chunk, step in product(JobState, ChunkState, JOB_STEPS.values()):
                found |= set(self._moves_of_job(session, job, chunk, step))
        assert found == edges(JOB_MOVES)

    def test_segments_move_as_the_table_says(self, database: Engine) -> None:
        found = set()
        with session_scope(database) as session:
            for job, segment, chunk in product(SOME_STATES, SegmentState, ChunkState):
                for step in SEGMENT_STEPS.values():
                    rows = run(session, step, job=job, segment=segment, chunk=chunk)
                    found.add((segment, rows[1].state))
        assert {(a, b) for a, b in found if a is not b} == edges(SEGMENT_MOVES)

    def test_chunks_move_as_the_table_says(self, database: Engine) -> None:
        segments = (SegmentState.RENDERING, SegmentState.FAILED)
        found = set()
        with session_scope(database) as session:
            for job, segment, chunk in product(SOME_STATES, segments, ChunkState):
                for step in CHUNK_STEPS.values():
                    rows = run(session, step, job=job, segment=segment, chunk=chunk)
                    found.add((chunk, rows[2].state))
        assert {(a, b) for a, b in found if a is not b} == edges(CHUNK_MOVES)

    @pytest.mark.parametrize(
        ("step", "chunk", "event"),
        [
            ("accept", ChunkState.RENDERING, "chunk.accepted"),
            ("flag", ChunkState.RENDERING, "chunk.flagged"),
            ("fail", ChunkState.PENDING, "chunk.failed"),
            ("finish", ChunkState.ACCEPTED, "segment.done"),
            ("finish", ChunkState.FAILED, "segment.failed"),
            ("claim after losses", ChunkState.RENDERING, "chunk.failed"),
        ],
    )
    def test_ends_of_chunks_and_segments_are_told_of(
        self, database: Engine, step: str, chunk: ChunkState, event: str
    ) -> None:
        with session_scope(database) as session:
            *_, events = run(
                session,
                CHUNK_STEPS[step],
                job=JobState.RENDERING,
                segment=SegmentState.RENDERING,
                chunk=chunk,
            )
        assert events[0] == event

    @pytest.mark.parametrize(
        ("step", "job", "chunk"),
        [
            ("retry", JobState.FAILED, ChunkState.FAILED),
            ("reopen", JobState.ASSEMBLING, ChunkState.FLAGGED),
        ],
    )
    def test_nothing_of_an_old_take_shows_once_a_chunk_is_reset(
        self, database: Engine, step: str, job: JobState, chunk: ChunkState
    ) -> None:
        with session_scope(database) as session:
            _, _, reset, events = run(
                session, JOB_STEPS[step], job=job, segment=SegmentState.DONE, chunk=chunk
            )
        self._check_unspoken(reset)
        assert (reset.first_take > 0) is (step == "retry")
        assert events[0] == "chunks.reset"

    def test_deleting_a_job_is_told_after_its_other_events(
        self, database: Engine, tmp_path: Path
    ) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            cancel_job(session, job.id, owner=OWNER, now=NOW)
            delete_job(session, stores_in(tmp_path), job.id, owner=OWNER, now=NOW)
        with session_scope(database, is_read_only=True) as session:
            events = list_events(session, job.id)
        assert [(event.number, event.type) for event in events] == [
            (1, "job.queued"),
            (2, "job.canceled"),
            (3, "job.deleted"),
        ]

    def test_move_that_is_rolled_back_tells_nothing(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)

        def cancel_and_fail() -> None:
            with session_scope(database) as session:
                cancel_job(session, job.id, owner=OWNER, now=NOW)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            cancel_and_fail()
        with session_scope(database, is_read_only=True) as session:
            assert [event.type for event in list_events(session, job.id)] == ["job.queued"]

    def _moves_of_job(
        self, session: Session, state: JobState, chunk: ChunkState, step: Step
    ) -> Iterator[tuple[JobState, JobState]]:
        """Return the moves a step led to, as its events tell them; they end where the row does."""
        is_done = chunk not in UNSPOKEN
        segment = SegmentState.DONE if is_done else SegmentState.PENDING
        job, _, _, events = run(session, step, job=state, segment=segment, chunk=chunk)
        for kind in events:
            subject, _, name = kind.partition(".")
            if subject == "job":
                yield state, JobState(name)
                state = JobState(name)
        assert job.state is state

    def _check_unspoken(self, chunk: Chunk) -> None:
        assert chunk.state is ChunkState.PENDING
        assert (chunk.take, chunk.seed, chunk.cache_key, chunk.sha256) == (None,) * 4
        assert (chunk.samples, chunk.error, chunk.findings) == (None, None, [])
        assert (chunk.is_cached, chunk.is_watermarked, chunk.losses) == (False, False, 0)
