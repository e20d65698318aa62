import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from narration.database import make_engine, session_scope
from narration.errors import RowsLocked
from narration.jobs.checkpoints import FinishedChunk, Standing
from narration.jobs.record import Job, Segment
from tests.builders import LEASE, NOW, make_outcome
from tests.contracts.checkpoint_writer import TIMEOUT_S, CheckpointWriterContract, claimed, write
from worker.rendering.checkpoint_commits import LOCK_WAIT_S
from worker.rendering.checkpoint_writer import CheckpointWriter


@pytest.fixture
def database(postgres_database: Engine) -> Engine:
    return postgres_database


@pytest.fixture
def away(tmp_path: Path) -> Engine:
    return make_engine(f"postgresql://app@/x?host={tmp_path}")


class TestNotesOnPostgres(CheckpointWriterContract):
    def test_a_job_whose_rows_are_locked_holds_up_no_other(
        self, database: Engine, checkpoints: CheckpointWriter
    ) -> None:
        (of_locked,), (of_free,) = claimed(database, 1), claimed(database, 1)
        with session_scope(database) as session:
            lock_segments(session, of_locked.job_id)
            futures = [
                write(checkpoints, claim, index)
                for index in range(4)
                for claim in (of_locked, of_free)
            ]
            for future in futures[1::2]:
                assert future.result(TIMEOUT_S) is Standing.WANTED
            began_at = time.monotonic()
            urgent = FinishedChunk(claim=of_free, outcome=make_outcome(4))
            assert checkpoints.write(urgent, is_urgent=True).result(TIMEOUT_S) is Standing.WANTED
            assert time.monotonic() - began_at < LOCK_WAIT_S
            futures.append(write(checkpoints, of_locked, 5))
            assert not any(future.done() for future in futures[::2])
        assert {future.result(TIMEOUT_S) for future in futures} == {Standing.WANTED}

    def test_chunks_of_a_job_that_is_deleted_slowly_are_lost(
        self, database: Engine, checkpoints: CheckpointWriter
    ) -> None:
        (claim,) = claimed(database, 1)
        with session_scope(database) as session:
            session.execute(delete(Job).where(Job.id == claim.job_id))
            future = write(checkpoints, claim, 0)
            time.sleep(1.5 * LOCK_WAIT_S)
            assert not future.done()
        assert future.result(TIMEOUT_S) is Standing.LOST

    def test_rows_locked_for_longer_than_a_lease_fail_the_chunk(self, database: Engine) -> None:
        (claim,) = claimed(database, 1)
        checkpoints = CheckpointWriter(database, lambda: NOW + timedelta(seconds=1), lambda: NOW)
        with session_scope(database) as session:
            lock_segments(session, claim.job_id)
            with pytest.raises(RowsLocked):
                write(checkpoints, claim, 0).result(TIMEOUT_S)
        assert write(checkpoints, claim, 0).result(TIMEOUT_S) is Standing.WANTED
        checkpoints.close()

    def test_closing_waits_for_no_locked_rows(self, database: Engine) -> None:
        (claim,) = claimed(database, 1)
        checkpoints = CheckpointWriter(database, lambda: NOW + LEASE, lambda: NOW)
        with session_scope(database) as session:
            lock_segments(session, claim.job_id)
            future = write(checkpoints, claim, 0)
            checkpoints.close()
            with pytest.raises(RowsLocked):
                future.result(0)


def lock_segments(session: Session, job_id: str) -> None:
    session.execute(select(Segment).where(Segment.job_id == job_id).with_for_update())
