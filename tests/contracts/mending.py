"""Mending while other things happen to a job; subclasses provide a `database`.

In any order, only the documented errors occur, and no job succeeds with missing text.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.errors import ConflictError, LeaseLost, NotFoundError
from narration.jobs.checkpoints import checkpoint
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.deliver import finish_job
from narration.jobs.lookup import get_job
from narration.jobs.mend import Retake, accept_take, retake_chunk
from narration.jobs.purge import delete_job
from narration.jobs.record import Artifact, Chunk, Job
from narration.jobs.segment_claim import finish_segment
from narration.jobs.states import SPOKEN, ChunkState, JobState
from narration.jobs.step_claim import StepClaim, claim_step
from tests.builders import (
    LEASE,
    NOW,
    OWNER,
    claim_segment,
    make_job,
    make_outcome,
    plan_job,
    speak,
    stores_in,
)

ROUNDS = 6
Act = Callable[[Session, str], Any]


def retake(session: Session, job_id: str) -> Job:
    return retake_chunk(session, job_id, 0, Retake(), owner=OWNER, now=NOW)


def accept(session: Session, job_id: str) -> Job:
    return accept_take(session, job_id, 0, None, owner=OWNER, now=NOW)


def rendered(database: Engine) -> tuple[str, StepClaim]:
    """Return a job whose chunks are all spoken, the first flagged, and the claim to deliver it."""
    with session_scope(database) as session:
        job = make_job(session)
        plan_job(session, job, chunks=2)
        claim = claim_segment(session)
        assert claim is not None
        flagged = make_outcome(0, state=ChunkState.FLAGGED)
        checkpoint(session, claim, flagged, until=NOW + LEASE, now=NOW)
        speak(session, claim)
        step = claim_step(
            session, job.id, JobState.ASSEMBLING, holder="w", until=NOW + LEASE, now=NOW
        )
        assert step is not None
        return job.id, step


def finish(session: Session, step: StepClaim) -> None:
    job = get_job(session, step.job_id)
    artifact = Artifact(
        job_id=job.id,
        name="audio.flac",
        owner=job.owner,
        key=f"{job.id}/1-{step.fence}/audio.flac",
        media_type="audio/flac",
        size_bytes=1,
        sha256="0" * 64,
        revision=job.revision,
    )
    finish_job(session, step, [artifact], now=NOW)


def delivered(database: Engine) -> str:
    job_id, step = rendered(database)
    with session_scope(database) as session:
        finish(session, step)
    return job_id


def at_once(database: Engine, job_id: str, *acts: Act) -> list[str]:
    """Run each action in its own transaction, in parallel, and return how each ended."""

    def do(act: Act) -> str:
        try:
            with session_scope(database) as session:
                act(session, job_id)
        except (ConflictError, NotFoundError, LeaseLost) as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


def require_whole(database: Engine, job_id: str) -> None:
    with session_scope(database, is_read_only=True) as session:
        job = session.get(Job, job_id)
        if job is None or job.state is not JobState.SUCCEEDED:
            return
        chunks = session.scalars(select(Chunk).where(Chunk.job_id == job_id)).all()
        assert all(chunk.state in SPOKEN and chunk.sha256 for chunk in chunks)


class MendingContract:
    """Races around one job."""

    def test_chunk_is_retaken_once(self, database: Engine) -> None:
        job_id = delivered(database)
        ends = Counter(at_once(database, job_id, *[retake] * 4))
        assert ends == {"done": 1, "conflict": 3}
        with session_scope(database, is_read_only=True) as session:
            assert get_job(session, job_id).revision == 2

    def test_chunk_is_accepted_any_number_of_times(self, database: Engine) -> None:
        job_id = delivered(database)
        assert set(at_once(database, job_id, *[accept] * 4)) == {"done"}
        with session_scope(database, is_read_only=True) as session:
            job = get_job(session, job_id)
        assert (job.state, job.chunks_flagged) == (JobState.SUCCEEDED, 0)

    def test_mending_meets_cancel_retry_and_delete(self, database: Engine, tmp_path: Path) -> None:
        stores = stores_in(tmp_path)
        for _ in range(ROUNDS):
            job_id = delivered(database)
            ends = at_once(
                database,
                job_id,
                retake,
                accept,
                lambda session, job_id: cancel_job(session, job_id, owner=OWNER, now=NOW),
                lambda session, job_id: retry_job(session, job_id, owner=OWNER, now=NOW),
                lambda session, job_id: delete_job(session, stores, job_id, owner=OWNER, now=NOW),
            )
            assert set(ends) <= {"done", "conflict", "not_found"}
            require_whole(database, job_id)

    def test_retake_meets_the_worker_that_ends_the_job(self, database: Engine) -> None:
        for _ in range(ROUNDS):
            job_id, step = rendered(database)
            ends = at_once(database, job_id, retake, lambda session, _, s=step: finish(session, s))
            assert ends[0] == "done"
            assert ends[1] in ("done", "lease_lost")
            require_whole(database, job_id)
            with session_scope(database, is_read_only=True) as session:
                job = get_job(session, job_id)
            assert (job.state, job.revision) == (JobState.RENDERING, 2)

    def test_retake_meets_the_worker_that_ends_the_segment(self, database: Engine) -> None:
        for _ in range(ROUNDS):
            with session_scope(database) as session:
                job = make_job(session)
                plan_job(session, job, chunks=2)
                claim = claim_segment(session)
                assert claim is not None
                for index in (0, 1):
                    checkpoint(session, claim, make_outcome(index), until=NOW + LEASE, now=NOW)
            ends = at_once(
                database,
                job.id,
                retake,
                lambda session, _, c=claim: finish_segment(session, c, now=NOW),
            )
            assert ends == ["done", "done"]
            with session_scope(database) as session:
                again = claim_segment(session)
                assert again is not None
                speak(session, again)
                session.refresh(session.merge(job))
                assert get_job(session, job.id).state is JobState.ASSEMBLING
                cancel_job(session, job.id, owner=OWNER, now=NOW)

    def test_overdue_deadline_does_not_end_a_mending(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = make_job(session, deadline_s=1)
            plan_job(session, job, chunks=2)
        with session_scope(database) as session:
            claim = claim_segment(session)
            assert claim is not None
            speak(session, claim)
            step = claim_step(
                session, job.id, JobState.ASSEMBLING, holder="w", until=NOW + LEASE, now=NOW
            )
            assert step is not None
            finish(session, step)
            later = NOW + LEASE
            retake_chunk(session, job.id, 0, Retake(), owner=OWNER, now=later)
            deadline = get_job(session, job.id).deadline_at
        assert deadline is not None
        assert deadline > later

    @pytest.mark.parametrize(
        "state", [JobState.QUEUED, JobState.PLANNING, JobState.CANCELED, JobState.FAILED]
    )
    def test_job_that_is_not_to_be_mended_refuses(self, database: Engine, state: JobState) -> None:
        job_id = delivered(database)
        with session_scope(database) as session:
            get_job(session, job_id).state = state  # failed for another reason, such as a deadline
        assert at_once(database, job_id, retake, accept) == ["conflict", "conflict"]
