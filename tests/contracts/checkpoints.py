"""How many finished chunks are recorded in one transaction, on every database."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from narration.broker.interface import Task
from narration.database import session_scope
from narration.findings import Finding
from narration.jobs.checkpoints import FinishedChunk, Standing, checkpoint_all
from narration.jobs.control import cancel_job
from narration.jobs.events import list_events
from narration.jobs.lookup import get_chunks, get_job
from narration.jobs.parts import WAKEUPS, get_parts
from narration.jobs.record import Chunk, Event, Job, Segment
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.states import ChunkState
from narration.jobs.takes import find_takes
from tests.builders import LEASE, NOW, OWNER, claim_segment, make_job, make_outcome, plan_job

_QUEUED = "wakeups"
UNTIL = NOW + LEASE
LONG: Any = {"characters": 100, "pause_ms": 500}  # several parts, each between silences


def claimed(session: Any, count: int, *, chunks: int = 4) -> list[SegmentClaim]:
    """Plan one job of segments of two chunks and claim so many of them."""
    plan_job(session, make_job(session), chunks=chunks)
    claims = [claim_segment(session) for _ in range(count)]
    return [claim for claim in claims if claim is not None]


def finished(claim: SegmentClaim, index: int, **changes: Any) -> FinishedChunk:
    return FinishedChunk(claim=claim, outcome=make_outcome(index, **changes))


class CheckpointsContract:
    """Many chunks, of several segments and jobs, written at once."""

    def test_chunks_of_several_jobs_are_written_and_counted(self, database: Engine) -> None:
        with session_scope(database) as session:
            claims = [*claimed(session, 2), *claimed(session, 2)]
            chunks = [
                finished(claim, 2 * claim.index + place) for claim in claims for place in (0, 1)
            ]
            assert checkpoint_all(session, chunks, until=UNTIL, now=NOW) == 8 * [Standing.WANTED]
        with session_scope(database, is_read_only=True) as session:
            for job in session.scalars(select(Job)):
                assert (job.chunks_done, job.audio_ms, job.characters_done) == (4, 4000, 40)
                events = [e for e in list_events(session, job.id) if e.type == "chunk.accepted"]
                assert [event.payload["chunk"] for event in events] == [0, 1, 2, 3]
                assert len({event.number for event in events}) == 4
            assert set(session.scalars(select(Chunk.state))) == {ChunkState.ACCEPTED}
            assert set(session.scalars(select(Segment.tries))) == {0}

    def test_a_lost_segment_loses_its_own_chunks_only(self, database: Engine) -> None:
        with session_scope(database) as session:
            first, second = claimed(session, 2)
            late = replace(first, fence=first.fence - 1)
            chunks = [finished(late, 0), finished(second, 2)]
            standings = checkpoint_all(session, chunks, until=UNTIL, now=NOW)
            assert standings == [Standing.LOST, Standing.WANTED]
        with session_scope(database, is_read_only=True) as session:
            states = [chunk.state for chunk in get_chunks(session, first.job_id)]
            assert states.count(ChunkState.ACCEPTED) == 1
            assert states[2] is ChunkState.ACCEPTED
            assert find_takes(session, OWNER, [f"{0:064x}"], now=NOW) == {}

    def test_a_deleted_job_loses_its_own_chunks_only(self, database: Engine) -> None:
        with session_scope(database) as session:
            (gone,), (kept,) = claimed(session, 1), claimed(session, 1)
            session.execute(delete(Job).where(Job.id == gone.job_id))
            chunks = [finished(gone, 0), finished(kept, 0)]
            standings = checkpoint_all(session, chunks, until=UNTIL, now=NOW)
            assert standings == [Standing.LOST, Standing.WANTED]

    def test_each_job_says_whether_it_is_wanted(self, database: Engine) -> None:
        with session_scope(database) as session:
            (canceled,), (wanted,) = claimed(session, 1), claimed(session, 1)
            cancel_job(session, canceled.job_id, owner=OWNER, now=NOW)
            chunks = [finished(canceled, 0), finished(wanted, 0)]
            standings = checkpoint_all(session, chunks, until=UNTIL, now=NOW)
            assert standings == [Standing.UNWANTED, Standing.WANTED]

    def test_a_chunk_that_comes_twice_counts_once(self, database: Engine) -> None:
        with session_scope(database) as session:
            (claim,) = claimed(session, 1)
            chunks = [finished(claim, 0), finished(claim, 0, state=ChunkState.FLAGGED)]
            checkpoint_all(session, chunks, until=UNTIL, now=NOW)
        with session_scope(database, is_read_only=True) as session:
            job = get_job(session, claim.job_id)
            assert (job.chunks_done, job.chunks_flagged) == (1, 0)
            query = select(Event.type).where(Event.type.like("chunk.%"))
            assert session.scalars(query).all() == ["chunk.accepted"]

    def test_chunks_with_one_take_share_it(self, database: Engine) -> None:
        with session_scope(database) as session:
            (claim,) = claimed(session, 1)
            take = make_outcome(0).take
            chunks = [finished(claim, 0, take=take), finished(claim, 1, take=take)]
            checkpoint_all(session, chunks, until=UNTIL, now=NOW)
        with session_scope(database, is_read_only=True) as session:
            assert {chunk.sha256 for chunk in get_chunks(session, claim.job_id)[:2]} == {
                f"{0:064x}"
            }

    def test_every_kind_of_end_has_its_own_columns(self, database: Engine) -> None:
        finding = Finding(flag="too_long", measured=2.0, limit=1.0, unit="seconds")
        with session_scope(database) as session:
            (claim,) = claimed(session, 1)
            failed = finished(claim, 0, state=ChunkState.FAILED, take=None, error="no")
            take = replace(make_outcome(1).take, findings=(finding,), level=b"level")
            flagged = finished(claim, 1, state=ChunkState.FLAGGED, take=take, take_number=2)
            checkpoint_all(session, [failed, flagged], until=UNTIL, now=NOW)
        with session_scope(database, is_read_only=True) as session:
            first, second = get_chunks(session, claim.job_id)[:2]
            assert (first.state, first.error, first.sha256) == (ChunkState.FAILED, "no", None)
            assert (second.state, second.take, second.level) == (ChunkState.FLAGGED, 2, b"level")
            assert second.findings == (finding,)
            job = get_job(session, claim.job_id)
            assert (job.chunks_done, job.chunks_flagged, job.chunks_failed) == (2, 1, 1)

    @pytest.mark.parametrize("chunks", [1, 600])
    def test_the_last_chunks_of_a_part_make_it_ready_and_wake_some_encoders(
        self, database: Engine, chunks: int
    ) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session), chunks=chunks, segment_chunks=chunks, **LONG)
            claim = claim_segment(session)
            assert claim is not None
            session.info.pop(_QUEUED, None)
            ends = [finished(claim, index) for index in range(chunks)]
            checkpoint_all(session, ends[1:], until=UNTIL, now=NOW)
            checkpoint_all(session, ends[:1], until=UNTIL, now=NOW)
            woken = [task for task, _ in session.info[_QUEUED]].count(Task.ENCODE)
            parts = get_parts(session, claim.job_id)
            assert all(part.is_ready for part in parts)
            # The first part is completed last, alone.
            assert woken == min(len(parts) - 1, WAKEUPS) + 1
