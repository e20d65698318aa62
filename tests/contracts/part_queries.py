"""How parts are claimed and change state, on every database; subclasses bring a `database`."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import _QUEUED
from narration.database import session_scope
from narration.errors import LeaseLost
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.events import list_events
from narration.jobs.part_audio import (
    EncodedPart,
    find_encoded,
    forget_unused_parts,
    store_encoded,
)
from narration.jobs.parts import (
    PartClaim,
    claim_part,
    count_encodable,
    count_unstored,
    finish_part,
    get_parts,
    hand_back_part,
    renew_part,
    wake_encoders,
)
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.states import PART_MOVES, ChunkState, JobState, PartState
from tests.builders import LEASE, NOW, OWNER, claim_segment, make_job, plan_job, speak

LATER = NOW + 2 * LEASE
PART_CHUNKS = 22  # with ten characters each, enough chunks to fill the first part


def take(session: Session, **changes: object) -> PartClaim | None:
    arguments = {"holder": "w1", "until": NOW + LEASE, "now": NOW} | changes
    return claim_part(session, **arguments)  # type: ignore[arg-type]  # names and values fit


def spoken_job(
    session: Session, *, chunks: int = 2, pause_ms: int = 100, **settings: object
) -> Job:
    """Insert a job that is being rendered and whose chunks are all spoken."""
    job = make_job(session, **settings)  # type: ignore[arg-type]  # a job's settings
    plan_job(session, job, chunks=chunks, pause_ms=pause_ms)
    session.execute(update(Chunk).where(Chunk.job_id == job.id).values(state=ChunkState.ACCEPTED))
    session.execute(update(Job).where(Job.id == job.id).values(gain_db=0.0))
    session.execute(update(Part).where(Part.job_id == job.id).values(is_ready=True))
    session.expire_all()
    return job


def claim_of(job_id: str) -> PartClaim:
    return PartClaim(job_id=job_id, index=0, owner=OWNER, fence=0, tries=1)


def retry(session: Session, job_id: str) -> None:
    """Have a job's failed chunk spoken again."""
    session.execute(update(Job).values(state=JobState.FAILED))
    session.execute(update(Chunk).values(state=ChunkState.FAILED))
    session.expire_all()
    retry_job(session, job_id, owner=OWNER, now=NOW)


STEPS: dict[str, Callable[[Session, str], object]] = {
    "claim": lambda session, _: take(session),
    "hand back": lambda session, job_id: hand_back_part(session, claim_of(job_id), not_before=NOW),
    "finish": lambda session, job_id: finish_part(session, claim_of(job_id), now=NOW),
    "retry": retry,
}


class PartQueriesContract:
    """Parts change state by their table, and are never claimed twice."""

    def test_parts_move_as_the_table_says(self, database: Engine) -> None:
        found = set()
        with session_scope(database) as session:
            for state, step in product(PartState, STEPS.values()):
                with session.begin_nested() as savepoint:
                    job = spoken_job(session)
                    session.execute(update(Part).values(state=state))
                    session.expire_all()
                    with suppress(LeaseLost), session.begin_nested():
                        step(session, job.id)
                    session.expire_all()
                    found.add((state, get_parts(session, job.id)[0].state))
                    session.expunge_all()
                    savepoint.rollback()
        expected = {(a, b) for a, targets in PART_MOVES.items() for b in targets if a is not b}
        assert {(a, b) for a, b in found if a is not b} == expected

    def test_a_part_waits_for_its_last_chunk_and_for_the_gain(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = spoken_job(session)
            session.execute(
                update(Chunk).where(Chunk.index == 1).values(state=ChunkState.RENDERING)
            )
            session.execute(update(Part).values(is_ready=False))
            wake_encoders(session, job.id, [0])
            assert take(session) is None
            session.execute(update(Chunk).values(state=ChunkState.FLAGGED))
            assert take(session) is None
            wake_encoders(session, job.id, [1])
            session.execute(update(Job).values(gain_db=None))
            assert take(session) is None
            session.execute(update(Job).values(gain_db=-1.5))
            assert count_encodable(session, now=NOW) == 1
            claim = take(session)
            assert claim is not None
            assert (claim.job_id, claim.index) == (job.id, 0)
            assert take(session) is None

    def test_the_checkpoint_of_the_last_chunk_wakes_an_encoder(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=2)
            claim = claim_segment(session)
            assert claim is not None
            session.info.pop(_QUEUED, None)
            speak(session, claim)
            sent = [task for task, _ in session.info[_QUEUED]]
            assert sent.count(Task.ENCODE) == 1

    def test_chunks_of_other_parts_wake_nobody(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = spoken_job(session)
            session.info.pop(_QUEUED, None)
            wake_encoders(session, job.id, [7])
            assert _QUEUED not in session.info

    def test_priority_goes_first_then_the_beginnings(self, database: Engine) -> None:
        with session_scope(database) as session:
            first = spoken_job(session, chunks=3 * PART_CHUNKS)
            second = spoken_job(session, now=NOW + timedelta(seconds=1))
            urgent = spoken_job(session, priority=9)
            taken = [take(session) for _ in range(4)]
            order = [(claim.job_id, claim.index) for claim in taken if claim]
            assert order == [(urgent.id, 0), (first.id, 0), (second.id, 0), (first.id, 1)]

    def test_what_is_stored_or_to_be_spoken_again_is_not_ready(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = spoken_job(session, chunks=2 * PART_CHUNKS)
            claim = take(session)
            assert claim is not None
            finish_part(session, claim, now=NOW)
            retry(session, job.id)
            assert not any(session.scalars(select(Part.is_ready)))

    def test_a_part_that_nobody_marked_is_made_for_its_job(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = spoken_job(session)
            session.execute(update(Part).values(is_ready=False))
            assert count_encodable(session, now=NOW) == 0
            assert take(session) is None
            assert take(session, job_id=job.id) is not None

    def test_one_job_may_be_named(self, database: Engine) -> None:
        with session_scope(database) as session:
            spoken_job(session, priority=9)
            mine = spoken_job(session)
            claim = take(session, job_id=mine.id)
            assert claim is not None
            assert claim.job_id == mine.id
            assert take(session, job_id=mine.id) is None

    def test_a_lost_part_is_taken_over_and_its_first_holder_is_fenced(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            spoken_job(session)
            first = take(session)
            second = take(session, now=LATER, until=LATER + LEASE)
            assert first is not None
            assert second is not None
            assert (second.fence, second.tries) == (2, 2)
            assert not renew_part(session, first, until=LATER)
            with pytest.raises(LeaseLost):
                finish_part(session, first, now=LATER)
            finish_part(session, second, now=LATER)
            assert session.scalars(select(Part.state)).all() == [PartState.STORED]

    def test_what_was_handed_back_is_not_taken_too_early(self, database: Engine) -> None:
        with session_scope(database) as session:
            spoken_job(session)
            claim = take(session)
            assert claim is not None
            assert hand_back_part(session, claim, not_before=LATER)
            assert take(session) is None
            assert take(session, now=LATER) is not None

    def test_a_canceled_job_lets_go_of_its_parts(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = spoken_job(session)
            claim = take(session)
            assert claim is not None
            cancel_job(session, job.id, owner=OWNER, now=NOW)
            assert not renew_part(session, claim, until=LATER)
            assert take(session, now=LATER) is None

    def test_a_chunk_that_is_reset_resets_its_part_and_fences_its_holder(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            job = spoken_job(session)
            claim = take(session)
            assert claim is not None
            retry(session, job.id)
            with pytest.raises(LeaseLost):
                finish_part(session, claim, now=NOW)
            types = [event.type for event in list_events(session, job.id)]
            assert types.count("parts.reset") == 1

    def test_a_stored_part_is_told_of(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = spoken_job(session)
            claim = take(session)
            assert claim is not None
            before = count_unstored(session, job.id)
            finish_part(session, claim, now=NOW)
            assert count_unstored(session, job.id) == before - 1
            last = list_events(session, job.id)[-1]
            assert (last.type, last.payload) == ("part.stored", {"part": 0})

    def test_what_was_made_is_found_by_its_owner_alone(self, database: Engine) -> None:
        made = EncodedPart(digest="d" * 64, sha256="a" * 64, size_bytes=7)
        level = EncodedPart(digest="e" * 64, level=b"1234")
        with session_scope(database) as session:
            store_encoded(session, OWNER, [made, level], now=NOW)
            store_encoded(session, OWNER, [made], now=NOW)
            found = find_encoded(session, OWNER, [made.digest, level.digest, "f" * 64], now=NOW)
            assert found == {made.digest: made, level.digest: level}
            assert find_encoded(session, "other", [made.digest], now=NOW) == {}

    def test_old_parts_and_those_beyond_the_quota_are_forgotten(self, database: Engine) -> None:
        with session_scope(database) as session:
            for number in range(4):
                part = EncodedPart(digest=f"{number}", sha256=f"s{number}", size_bytes=100)
                moment = NOW + timedelta(hours=number)
                store_encoded(session, OWNER, [part], now=moment)
            # The same bytes under another digest keep the object.
            twin = EncodedPart(digest="twin", sha256="s1", size_bytes=100)
            store_encoded(session, OWNER, [twin], now=NOW + timedelta(hours=9))
            before = NOW + timedelta(minutes=1)
            assert forget_unused_parts(session, before=before, quota_bytes=10**9) == ["s0"]
            assert forget_unused_parts(session, before=NOW, quota_bytes=250) == ["s2"]
            assert forget_unused_parts(session, before=NOW, quota_bytes=250) is None
            left = find_encoded(session, OWNER, ["0", "1", "2", "3", "twin"], now=NOW)
            assert set(left) == {"3", "twin"}
