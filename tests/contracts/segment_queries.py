"""The contract of the scheduler and the checkpoints on every database.

Subclasses provide a `database`.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from narration.database import session_scope
from narration.errors import LeaseLost
from narration.jobs.checkpoints import checkpoint
from narration.jobs.control import cancel_job
from narration.jobs.listing import list_chunks
from narration.jobs.record import Chunk, Segment
from narration.jobs.segment_claim import (
    SegmentClaim,
    finish_segment,
    hand_back_segment,
    pending_chunks,
    renew_segment,
    start_chunks,
)
from narration.jobs.sound_record import ChunkAudio
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.jobs.takes import find_takes, has_takes
from tests.builders import (
    LEASE,
    NOW,
    OWNER,
    claim_segment,
    make_job,
    make_outcome,
    plan_job,
    speak,
)

LATER = NOW + 2 * LEASE


class SegmentQueriesContract:
    """The scheduler and the checkpoints."""

    def test_higher_priority_goes_first(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session, priority=3), chunks=2)
            urgent = make_job(session, priority=8)
            plan_job(session, urgent, chunks=2)
            assert _claimed(session).job_id == urgent.id

    def test_jobs_take_turns(self, database: Engine) -> None:
        with session_scope(database) as session:
            book, article = make_job(session), make_job(session, now=NOW + timedelta(seconds=1))
            plan_job(session, book, chunks=20)
            plan_job(session, article, chunks=2)
            assert [_claimed(session).job_id for _ in range(3)] == [book.id, article.id, book.id]

    def test_one_job_holds_no_more_than_its_window(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=20)
            taken = [claim_segment(session, window_segments=3) for _ in range(4)]
            assert [claim is None for claim in taken] == [False, False, False, True]

    def test_lost_segment_is_taken_over_and_its_first_holder_is_fenced(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=2)
            first = _claimed(session)
            start_chunks(session, first, [0])
            second = claim_segment(session, now=LATER, until=LATER + LEASE)
            assert second is not None
            assert (second.fence, second.losses, second.is_suspect) == (2, 1, False)
            assert not renew_segment(session, first, until=LATER)
            with pytest.raises(LeaseLost):
                checkpoint(session, first, make_outcome(0), until=LATER, now=LATER)
            start_chunks(session, first, [1])
            suspects = select(Chunk.index).where(Chunk.state == ChunkState.RENDERING)
            assert session.scalars(suspects).all() == []
            losses = session.scalars(select(Chunk.losses).order_by(Chunk.index)).all()
            assert losses == [1, 0]

    def test_chunk_that_loses_too_many_workers_fails(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=2)
            now = NOW
            for _ in range(5):
                claim = claim_segment(session, now=now, until=now + LEASE)
                assert claim is not None
                start_chunks(session, claim, [1])
                now += 2 * LEASE
            claim = claim_segment(session, now=now, until=now + LEASE)
            assert claim is not None
            assert [chunk.index for chunk in pending_chunks(session, claim)] == [0]
            chunk = session.get_one(Chunk, (job.id, 1))
            assert chunk.state is ChunkState.FAILED
            assert "5 workers" in (chunk.error or "")

    def test_worker_tries_one_suspect_segment_at_a_time(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=6)
            now = NOW
            for _ in range(2):  # two workers are lost with two segments each
                for _ in range(2):
                    claim = claim_segment(session, now=now, until=now + LEASE)
                    assert claim is not None
                    assert not claim.is_suspect
                    start_chunks(session, claim, range(6))
                now += 2 * LEASE
            taken = [claim_segment(session, now=now, until=now + LEASE) for _ in range(3)]
            assert [claim and claim.is_suspect for claim in taken] == [True, False, None]
            other = claim_segment(session, "w2", now=now, until=now + LEASE)
            assert other is not None
            assert other.is_suspect

    @pytest.mark.parametrize("guilty", [{5}, {5, 22}, {2, 18}, {9, 20, 40}])
    def test_only_the_guilty_fail_however_many_they_are(
        self, database: Engine, guilty: set[int]
    ) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=48, segment_chunks=4)
        now, lives = NOW, 0
        while not _work_until_killed(database, guilty, now=now):
            now, lives = now + 2 * LEASE, lives + 1
            assert lives < 30
        with session_scope(database) as session:
            failed = select(Chunk.index).where(Chunk.state == ChunkState.FAILED)
            assert set(session.scalars(failed)) == guilty

    def test_where_few_losses_condemn_the_first_makes_suspect(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=2)
            _claimed(session)
            again = claim_segment(session, now=LATER, until=LATER + LEASE, poison_losses=2)
            assert again is not None
            assert again.is_suspect

    def test_handing_back_blames_no_chunk(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=2)
            claim = _claimed(session)
            start_chunks(session, claim, [0, 1])
            assert hand_back_segment(session, claim, not_before=NOW)
            again = _claimed(session)
            assert (again.losses, again.tries) == (0, 2)

    def test_doubled_checkpoint_counts_once(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=2)
            claim = _claimed(session)
            for _ in range(2):
                assert checkpoint(session, claim, make_outcome(0), until=NOW + LEASE, now=NOW)
            session.refresh(job)
            assert (job.chunks_done, job.audio_ms, job.characters_done) == (1, 1000, 10)

    def test_checkpoint_says_that_a_canceled_job_is_not_wanted(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=2)
            claim = _claimed(session)
            cancel_job(session, job.id, owner=OWNER, now=NOW)
            assert not checkpoint(session, claim, make_outcome(0), until=NOW + LEASE, now=NOW)
            assert not renew_segment(session, claim, until=NOW + LEASE)

    def test_segment_with_an_unspoken_chunk_opens_again(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=2)
            claim = _claimed(session)
            checkpoint(session, claim, make_outcome(0), until=NOW + LEASE, now=NOW)
            assert not finish_segment(session, claim, now=NOW)
            session.refresh(job)
            assert job.state is JobState.RENDERING
            again = _claimed(session)
            assert [chunk.index for chunk in pending_chunks(session, again)] == [1]

    def test_last_segment_moves_the_job_on(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=4)
            first, second = _claimed(session), _claimed(session)
            speak(session, second)
            session.refresh(job)
            assert job.state is JobState.RENDERING
            speak(session, first)
            session.refresh(job)
            assert job.state is JobState.ASSEMBLING

    @pytest.mark.parametrize(
        ("policy", "state", "code"),
        [
            ("strict", JobState.FAILED, "quality_failed"),
            ("flag", JobState.ASSEMBLING, None),
        ],
    )
    def test_policy_decides_what_a_flagged_chunk_does(
        self, database: Engine, policy: str, state: JobState, code: str | None
    ) -> None:
        with session_scope(database) as session:
            job = make_job(session, quality={"policy": policy})
            plan_job(session, job, chunks=2)
            speak(session, _claimed(session), state=ChunkState.FLAGGED)
            session.refresh(job)
            assert (job.state, job.error and job.error.code) == (state, code)
            assert job.chunks_flagged == 2

    def test_spoken_take_is_found_again_by_its_owner_only(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=2)
            speak(session, _claimed(session))
            key = f"{1:064x}"
            assert find_takes(session, OWNER, [key], now=LATER)[key].samples == 24_000
            assert find_takes(session, "other", [key], now=LATER) == {}
            assert has_takes(session, OWNER, [f"{9:064x}", key])
            assert not has_takes(session, "other", [key])
            assert not has_takes(session, OWNER, [])

    def test_use_of_a_take_is_noted_at_most_once_an_hour(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=2)
            speak(session, _claimed(session))
            key = f"{1:064x}"
            noted = []
            for minutes in (59, 61, 90):
                moment = NOW + timedelta(minutes=minutes)
                assert set(find_takes(session, OWNER, [key], now=moment)) == {key}
                noted.append(session.scalar(select(ChunkAudio.used_at).filter_by(cache_key=key)))
            assert noted == [NOW, *2 * [NOW + timedelta(minutes=61)]]

    def test_failed_chunk_fails_its_segment_and_in_the_end_its_job(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=4)
            first, second = _claimed(session), _claimed(session)
            speak(session, first, state=ChunkState.FAILED, take=None, error="no")
            assert session.scalar(select(Segment.state).where(Segment.index == 0)) is (
                SegmentState.FAILED
            )
            session.refresh(job)
            assert job.state is JobState.RENDERING
            speak(session, second)
            session.refresh(job)
            assert (job.state, job.chunks_done, job.chunks_failed) == (JobState.FAILED, 4, 2)

    def test_chunks_are_listed_by_state(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=4)
            speak(session, _claimed(session))
            pending = frozenset({ChunkState.PENDING})
            page = list_chunks(session, job.id, states=pending, limit=1)
            assert [chunk.index for chunk in page.rows] == [2]
            rest = list_chunks(session, job.id, states=pending, cursor=page.cursor, limit=1)
            assert [chunk.index for chunk in rest.rows] == [3]


def _work_until_killed(database: Engine, guilty: set[int], *, now: datetime) -> bool:
    """Work as a worker with four slots does; False once a fatal chunk is being spoken."""
    held: list[SegmentClaim] = []
    while True:
        with session_scope(database) as session:
            while len(held) < 4 and (found := claim_segment(session, now=now, until=now + LEASE)):
                held.append(found)
            if not held:
                return True
            spoken: set[int] = set()
            for claim in held:
                left = [chunk.index for chunk in pending_chunks(session, claim)]
                started = left[:1] if claim.is_suspect else left
                start_chunks(session, claim, started)
                spoken.update(started)
        if spoken & guilty:
            return False
        with session_scope(database) as session:
            for claim in list(held):
                for chunk in pending_chunks(session, claim):
                    if chunk.index in spoken:
                        checkpoint(
                            session, claim, make_outcome(chunk.index), until=now + LEASE, now=now
                        )
                if not pending_chunks(session, claim):
                    finish_segment(session, claim, now=now)
                    held.remove(claim)


def _claimed(session: Any) -> SegmentClaim:
    claim = claim_segment(session)
    assert claim is not None
    return claim
