"""State changes of jobs, segments and chunks on every database; subclasses provide a `database`.

Every function that may change a state is tried in every state: exactly the moves of the tables
occur, and each has an event.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.jobs.control import cancel_job
from narration.jobs.events import list_events
from narration.jobs.purge import delete_job
from narration.jobs.record import Chunk
from narration.jobs.states import (
    CHUNK_MOVES,
    JOB_MOVES,
    SEGMENT_MOVES,
    UNSPOKEN,
    ChunkState,
    JobState,
    SegmentState,
)
from tests.builders import NOW, OWNER, make_job, stores_in
from tests.contracts.steps import (
    CHUNK_STEPS,
    JOB_STEPS,
    SEGMENT_STEPS,
    SOME_STATES,
    Step,
    edges,
    run,
)


class TransitionsContract:
    """States change only by the tables."""

    def test_jobs_move_as_the_table_says_and_tell_of_it(self, database: Engine) -> None:
        moves: set[tuple[JobState, JobState]] = set()
        with session_scope(database) as session:
            for job, chunk, step in product(JobState, ChunkState, JOB_STEPS.values()):
                moves |= set(self._moves_of_job(session, job, chunk, step))
        assert moves == edges(JOB_MOVES)

    def test_segments_move_as_the_table_says(self, database: Engine) -> None:
        moves = set()
        with session_scope(database) as session:
            for job, segment, chunk in product(SOME_STATES, SegmentState, ChunkState):
                for step in SEGMENT_STEPS.values():
                    rows = run(session, step, job=job, segment=segment, chunk=chunk)
                    moves.add((segment, rows[1].state))
        assert {(a, b) for a, b in moves if a is not b} == edges(SEGMENT_MOVES)

    def test_chunks_move_as_the_table_says(self, database: Engine) -> None:
        segments = (SegmentState.RENDERING, SegmentState.FAILED)
        moves = set()
        with session_scope(database) as session:
            for job, segment, chunk in product(SOME_STATES, segments, ChunkState):
                for step in CHUNK_STEPS.values():
                    rows = run(session, step, job=job, segment=segment, chunk=chunk)
                    moves.add((chunk, rows[2].state))
        assert {(a, b) for a, b in moves if a is not b} == edges(CHUNK_MOVES)

    @pytest.mark.parametrize(
        ("step", "chunk", "event"),
        [
            ("end accepted", ChunkState.RENDERING, "chunk.accepted"),
            ("accept", ChunkState.FLAGGED, "chunk.accepted"),
            ("choose", ChunkState.FLAGGED, "chunk.accepted"),
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
            ("retake", JobState.SUCCEEDED, ChunkState.ACCEPTED),
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
        assert (reset.first_take > 0) is (step != "reopen")
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
        """Return the moves of a step according to its events; the last one must match the row."""
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
        assert (chunk.samples, chunk.error, chunk.findings) == (None, None, ())
        assert (chunk.is_cached, chunk.is_watermarked, chunk.losses) == (False, False, 0)
