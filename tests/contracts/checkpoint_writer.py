"""What the writer of finished chunks promises on every database."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update

from narration.database import session_scope
from narration.errors import DatabaseUnavailable
from narration.jobs.checkpoints import FinishedChunk, Standing
from narration.jobs.record import Chunk, Job
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.states import SPOKEN
from tests.builders import LEASE, NOW, claim_segment, make_job, make_outcome, plan_job
from worker.rendering import checkpoint_writer
from worker.rendering.checkpoint_writer import CheckpointWriter

TIMEOUT_S = 30.0
CHUNKS = 8
TOO_LARGE = 1 << 70  # a seed that does not fit into a column


class CheckpointWriterContract:
    """Chunks that finish while others are being written are written together."""

    @pytest.fixture
    def checkpoints(self, database: Engine) -> Iterator[CheckpointWriter]:
        checkpoints = CheckpointWriter(database, lambda: NOW + LEASE, lambda: NOW)
        yield checkpoints
        checkpoints.close()

    def test_a_single_chunk_waits_for_no_other(
        self, database: Engine, checkpoints: CheckpointWriter
    ) -> None:
        (claim,) = claimed(database, 1)
        assert write(checkpoints, claim, 0).result(TIMEOUT_S) is Standing.WANTED
        assert spoken(database) == [0]

    def test_what_gathers_meanwhile_is_one_transaction(
        self, database: Engine, checkpoints: CheckpointWriter
    ) -> None:
        (claim,) = claimed(database, 1)
        commits: list[Any] = []
        event.listen(database, "commit", commits.append)
        with session_scope(database) as session:
            session.execute(update(Job).values(priority=1))  # the writer must wait for this
            futures = [write(checkpoints, claim, index) for index in range(CHUNKS)]
            assert not any(future.done() for future in futures)
        assert {future.result(TIMEOUT_S) for future in futures} == {Standing.WANTED}
        assert spoken(database) == list(range(CHUNKS))
        # Besides this test's own, one or two: for the first chunk, and for the rest.
        assert len(commits) - 1 in (1, 2)

    def test_a_chunk_that_somebody_waits_for_takes_the_others_along(self, database: Engine) -> None:
        (claim,) = claimed(database, 1)
        checkpoints = CheckpointWriter(database, lambda: NOW + LEASE, lambda: NOW, gather_s=3600)
        write(checkpoints, claim, 0).result(TIMEOUT_S)  # after a pause it is written at once
        pending = [write(checkpoints, claim, index) for index in (1, 2)]
        urgent = FinishedChunk(claim=claim, outcome=make_outcome(3))
        assert checkpoints.write(urgent, is_urgent=True).result(TIMEOUT_S) is Standing.WANTED
        assert all(future.done() for future in pending)
        write(checkpoints, claim, 4)
        checkpoints.close()
        assert spoken(database) == [0, 1, 2, 3, 4]

    def test_one_behind_as_many_as_fit_into_a_transaction_is_in_the_next(
        self, database: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkpoint_writer, "MOST", 2)
        (claim,) = claimed(database, 1)
        checkpoints = CheckpointWriter(database, lambda: NOW + LEASE, lambda: NOW, gather_s=3600)
        urgent = [FinishedChunk(claim=claim, outcome=make_outcome(index)) for index in (0, 3)]
        with session_scope(database) as session:
            session.execute(update(Job).values(priority=1))  # the writer waits for this
            first = checkpoints.write(urgent[0], is_urgent=True)
            while not first.running():
                time.sleep(0.001)
            for index in (1, 2):
                write(checkpoints, claim, index)
            last = checkpoints.write(urgent[1], is_urgent=True)
        assert last.result(TIMEOUT_S) is Standing.WANTED
        checkpoints.close()

    def test_a_lost_segment_fails_no_other(
        self, database: Engine, checkpoints: CheckpointWriter
    ) -> None:
        first, second = claimed(database, 2)
        futures = together(
            database,
            checkpoints,
            [(replace(first, fence=0), 0), (second, CHUNKS)],
        )
        assert [future.result(TIMEOUT_S) for future in futures] == [Standing.LOST, Standing.WANTED]

    def test_a_chunk_that_cannot_be_written_fails_alone(
        self, database: Engine, checkpoints: CheckpointWriter
    ) -> None:
        (claim,) = claimed(database, 1)
        with session_scope(database) as session:
            session.execute(update(Job).values(priority=1))
            seeds = [1, TOO_LARGE, 1]
            futures = [write(checkpoints, claim, n, seed=seed) for n, seed in enumerate(seeds)]
        with pytest.raises(Exception, match=r"range|large"):
            futures[1].result(TIMEOUT_S)
        assert futures[0].result(TIMEOUT_S) is futures[2].result(TIMEOUT_S) is Standing.WANTED
        assert spoken(database) == [0, 2]

    def test_closing_writes_what_waits(self, database: Engine) -> None:
        (claim,) = claimed(database, 1)
        checkpoints = CheckpointWriter(database, lambda: NOW + LEASE, lambda: NOW)
        futures = [write(checkpoints, claim, index) for index in range(CHUNKS)]
        checkpoints.close()
        assert all(future.done() for future in futures)
        assert spoken(database) == list(range(CHUNKS))

    def test_a_database_that_is_away_fails_all_that_wait(self, away: Engine) -> None:
        checkpoints = CheckpointWriter(away, lambda: NOW + LEASE, lambda: NOW)
        claim = SegmentClaim(
            job_id="job", index=0, owner="o", fence=1, tries=1, losses=0, is_suspect=False
        )
        futures = [write(checkpoints, claim, index) for index in range(3)]
        for future in futures:
            with pytest.raises(DatabaseUnavailable):
                future.result(TIMEOUT_S)
        checkpoints.close()


def claimed(database: Engine, count: int) -> list[SegmentClaim]:
    """Claim segments of a job, of so many chunks each."""
    with session_scope(database) as session:
        plan_job(session, make_job(session), chunks=count * CHUNKS, segment_chunks=CHUNKS)
        claims = [claim_segment(session) for _ in range(count)]
    return [claim for claim in claims if claim is not None]


def write(
    checkpoints: CheckpointWriter, claim: SegmentClaim, index: int, **changes: Any
) -> Future[Standing]:
    return checkpoints.write(FinishedChunk(claim=claim, outcome=make_outcome(index, **changes)))


def together(
    database: Engine, checkpoints: CheckpointWriter, chunks: list[tuple[SegmentClaim, int]]
) -> list[Future[Standing]]:
    """Submit chunks while the writer is blocked, so that it writes them together."""
    with session_scope(database) as session:
        session.execute(update(Job).values(priority=1))
        return [write(checkpoints, claim, index) for claim, index in chunks]


def spoken(database: Engine) -> list[int]:
    with session_scope(database, is_read_only=True) as session:
        query = select(Chunk.index).where(Chunk.state.in_(SPOKEN)).order_by(Chunk.index)
        return list(session.scalars(query))
