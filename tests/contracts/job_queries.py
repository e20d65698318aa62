"""The contract of job queries on every database; subclasses provide a `database`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from narration.database import session_scope
from narration.errors import ConflictError, LeaseLost, NotFoundError, SpeechError
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.deliver import finish_job, reopen_job
from narration.jobs.listing import JobFilter, count_jobs, list_jobs
from narration.jobs.lookup import find_by_idempotency_key, get_attempts, get_job, get_source
from narration.jobs.plan import start_rendering
from narration.jobs.purge import delete_job
from narration.jobs.record import Chunk, Job, Segment
from narration.jobs.segment_claim import SegmentClaim, pending_chunks
from narration.jobs.states import ChunkState, JobState
from narration.jobs.step_claim import claim_step, fail_step, hand_back_step, renew_step
from narration.jobs.takes import find_takes
from tests.builders import (
    LEASE,
    NOW,
    OWNER,
    claim_segment,
    make_job,
    plan_job,
    speak,
    stores_in,
)

LATER = NOW + 2 * LEASE


class JobQueriesContract:
    """Creating, listing, canceling, retrying."""

    def test_job_is_read_back_as_it_was_written(self, database: Engine) -> None:
        with session_scope(database) as session:
            made = make_job(session, "Text.", labels={"book": "42"}, priority=7)
        with session_scope(database, is_read_only=True) as session:
            job = get_job(session, made.id, owner=OWNER)
            assert (job.state, job.priority, job.labels) == (JobState.QUEUED, 7, {"book": "42"})
            assert job.state is JobState.QUEUED
            assert job.created_at == NOW
            assert get_source(session, job.id) == b"Text."

    def test_job_of_another_owner_is_not_found(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            with pytest.raises(NotFoundError):
                get_job(session, job.id, owner="somebody else")

    def test_failed_transaction_leaves_nothing(self, database: Engine) -> None:
        def make_and_fail() -> None:
            with session_scope(database) as session:
                make_job(session)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            make_and_fail()
        with session_scope(database) as session:
            assert count_jobs(session)[JobState.QUEUED] == 0

    def test_pages_follow_each_other_newest_first(self, database: Engine) -> None:
        with session_scope(database) as session:
            made = [make_job(session, now=NOW + timedelta(seconds=i)).id for i in range(5)]
            first = list_jobs(session, OWNER, JobFilter(), cursor=None, limit=3)
            rest = list_jobs(session, OWNER, JobFilter(), cursor=first.cursor, limit=3)
        assert [job.id for job in first.rows + rest.rows] == made[::-1]
        assert rest.cursor is None

    def test_jobs_are_found_by_label_and_state(self, database: Engine) -> None:
        with session_scope(database) as session:
            make_job(session, labels={"book": "1"})
            wanted = make_job(session, labels={"book": "2"})
            queued = frozenset({JobState.QUEUED})
            both = JobFilter(states=queued, labels={"book": "2"})
            page = list_jobs(session, OWNER, both, cursor=None, limit=9)
        assert [job.id for job in page.rows] == [wanted.id]

    @pytest.mark.parametrize("name", ['a"b', "x\\y", "$", "[0]", "a.b", "", "ä", "'", "%"])
    def test_a_label_is_found_whatever_its_name(self, database: Engine, name: str) -> None:
        with session_scope(database) as session:
            make_job(session, labels={name: "2", "other": "1"})
            wanted = make_job(session, labels={name: "1"})
            page = list_jobs(session, OWNER, JobFilter(labels={name: "1"}), cursor=None, limit=9)
        assert [job.id for job in page.rows] == [wanted.id]

    def test_canceling_twice_is_no_error(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            first = cancel_job(session, job.id, owner=OWNER, now=NOW)
            assert first.state is JobState.CANCELED
            again = cancel_job(session, job.id, owner=OWNER, now=LATER)
            assert again.ended_at == NOW

    def test_succeeded_never_changes(self, database: Engine) -> None:
        with session_scope(database) as session:
            job_id = self._succeeded(session)
            cancel_job(session, job_id, owner=OWNER, now=LATER)
            with pytest.raises(ConflictError, match="succeeded"):
                retry_job(session, job_id, owner=OWNER, now=LATER)
            assert get_job(session, job_id).state is JobState.SUCCEEDED

    def test_retry_keeps_finished_chunks_and_remembers_the_attempt(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=4)
            claim = _claimed(session)
            speak(session, claim)
            cancel_job(session, job.id, owner=OWNER, now=NOW)
            again = retry_job(session, job.id, owner=OWNER, now=LATER)
            assert (again.state, again.attempt) == (JobState.QUEUED, 2)
            assert again.chunks_done == 2
            assert [old.state for old in get_attempts(session, job.id)] == [JobState.CANCELED]

    def test_retry_of_a_failed_chunk_goes_on_counting_takes(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=1)
            speak(session, _claimed(session), state=ChunkState.FAILED, take=None, take_number=2)
            error = get_job(session, job.id).error
            assert error is not None
            assert error.code == SpeechError.code
            retry_job(session, job.id, owner=OWNER, now=LATER)
            assert session.scalar(select(Chunk.first_take)) == 3

    def test_running_job_is_not_deleted(self, database: Engine, tmp_path: Path) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            with pytest.raises(ConflictError):
                delete_job(session, stores_in(tmp_path), job.id, owner=OWNER, now=NOW)

    def test_deleting_takes_every_row_along(self, database: Engine, tmp_path: Path) -> None:
        with session_scope(database) as session:
            job_id = self._succeeded(session)
            delete_job(session, stores_in(tmp_path), job_id, owner=OWNER, now=NOW)
        with session_scope(database) as session:
            for table in (Job, Chunk, Segment):
                assert session.scalars(select(table)).all() == []

    def test_idempotency_key_is_used_once_per_owner(self, database: Engine) -> None:
        with session_scope(database) as session:
            first = make_job(session)
            first.idempotency_key = "k"
            session.flush()
            assert find_by_idempotency_key(session, OWNER, "k") is first
            assert find_by_idempotency_key(session, "other", "k") is None

    def _succeeded(self, session: Any) -> str:
        job = make_job(session)
        plan_job(session, job, chunks=2)
        speak(session, _claimed(session))
        claim = claim_step(
            session, job.id, JobState.ASSEMBLING, holder="a", until=NOW + LEASE, now=NOW
        )
        assert claim is not None
        finish_job(session, claim, [], now=NOW)
        session.flush()
        return job.id


class StepQueriesContract:
    """Planning and assembling: one holder at a time, and no success with missing text."""

    def test_step_is_taken_once(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            assert self._claim(session, job.id) is not None
            assert self._claim(session, job.id) is None

    def test_expired_lease_is_taken_over_and_the_first_holder_is_fenced(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            first = self._claim(session, job.id)
            second = self._claim(session, job.id, now=LATER)
            assert (first.fence, second.fence) == (1, 2)
            assert not renew_step(session, first, until=LATER)
            assert renew_step(session, second, until=LATER)
            with pytest.raises(LeaseLost):
                start_rendering(session, first, wakeups=4, now=LATER)

    def test_step_that_was_put_off_waits(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            claim = self._claim(session, job.id)
            hand_back_step(session, claim, not_before=NOW + timedelta(seconds=5))
            assert self._claim(session, job.id) is None
            assert self._claim(session, job.id, now=NOW + timedelta(seconds=5)) is not None

    def test_step_that_was_put_off_is_not_renewed(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            claim = self._claim(session, job.id)
            hand_back_step(session, claim, not_before=NOW)
            assert not renew_step(session, claim, until=LATER)
            assert self._claim(session, job.id) is not None

    def test_late_heartbeat_of_planning_does_not_hold_up_assembling(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            claim = self._claim(session, job.id)
            start_rendering(session, claim, wakeups=4, now=NOW)  # of no chunk: all are spoken
            assert not renew_step(session, claim, until=LATER)
            assert self._claim(session, job.id, JobState.ASSEMBLING) is not None

    def test_canceled_job_cannot_be_planned(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            claim = self._claim(session, job.id)
            cancel_job(session, job.id, owner=OWNER, now=NOW)
            assert not fail_step(session, claim, SpeechError("x"), now=NOW)
            assert self._claim(session, job.id, now=LATER) is None

    def test_job_with_an_unspoken_chunk_cannot_succeed(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=2)
            speak(session, _claimed(session))
            claim = self._claim(session, job.id, JobState.ASSEMBLING)
            session.execute(
                Chunk.__table__.update().where(Chunk.index == 1).values(state=ChunkState.PENDING)
            )
            with pytest.raises(LeaseLost):
                finish_job(session, claim, [], now=NOW)
            assert get_job(session, job.id).state is JobState.ASSEMBLING

    def test_missing_audio_sends_the_job_back_to_rendering(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session)
            plan_job(session, job, chunks=4)
            speak(session, _claimed(session))
            speak(session, _claimed(session))
            claim = self._claim(session, job.id, JobState.ASSEMBLING)
            reopen_job(session, claim, [3], wakeups=4, now=NOW)
            job = get_job(session, job.id)
            session.refresh(job)
            assert (job.state, job.chunks_done) == (JobState.RENDERING, 3)
            again = _claimed(session)
            assert [chunk.index for chunk in pending_chunks(session, again)] == [3]
            assert find_takes(session, OWNER, [f"{3:064x}"], now=NOW) == {}

    def _claim(
        self, session: Any, job_id: str, step: JobState = JobState.PLANNING, now: Any = NOW
    ) -> Any:
        return claim_step(session, job_id, step, holder="w", until=now + LEASE, now=now)


def _claimed(session: Any) -> SegmentClaim:
    claim = claim_segment(session)
    assert claim is not None
    return claim
