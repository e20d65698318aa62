"""How many cached segments end in one transaction, on every database."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.jobs.control import cancel_job
from narration.jobs.events import list_events
from narration.jobs.lookup import get_chunks, get_job
from narration.jobs.record import Segment
from narration.jobs.reuse import claim_reused, finish_reused, untouched_segments
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.jobs.takes import Outcome
from tests.builders import LEASE, NOW, OWNER, claim_segment, make_job, make_outcome, plan_job

HOLDER = "other-worker"


def planned(session: Session, *, chunks: int) -> str:
    job = make_job(session)
    plan_job(session, job, chunks=chunks)
    return job.id


def end_all(session: Session, job_id: str, outcomes: Mapping[int, Sequence[Outcome]]) -> list[int]:
    until = NOW + LEASE
    claims = claim_reused(session, job_id, outcomes, holder=HOLDER, until=until, now=NOW)
    return finish_reused(session, claims, outcomes, until=until, now=NOW) if claims else []


class ReuseContract:
    """Segments of two chunks each, all of whose chunks have a take."""

    def test_segments_are_ended_and_the_job_moves_on(self, database: Engine) -> None:
        with session_scope(database) as session:
            job_id = planned(session, chunks=6)
            outcomes = {n: [make_outcome(2 * n), make_outcome(2 * n + 1)] for n in range(3)}
            ended = end_all(session, job_id, outcomes)
            assert ended == [0, 1, 2]
        with session_scope(database, is_read_only=True) as session:
            job = get_job(session, job_id)
            assert (job.state, job.chunks_done, job.audio_ms) == (JobState.ASSEMBLING, 6, 6000)
            assert {c.state for c in get_chunks(session, job_id)} == {ChunkState.ACCEPTED}
            events = [event.type for event in list_events(session, job_id)]
            assert (events.count("chunk.accepted"), events.count("segment.done")) == (6, 3)

    def test_segments_that_others_have_are_left_to_them(self, database: Engine) -> None:
        with session_scope(database) as session:
            job_id = planned(session, chunks=6)
            claim = claim_segment(session)
            assert claim is not None
            outcomes = {n: [make_outcome(2 * n), make_outcome(2 * n + 1)] for n in range(2)}
            ended = end_all(session, job_id, outcomes)
            assert ended == [1]
        with session_scope(database, is_read_only=True) as session:
            assert get_job(session, job_id).state is JobState.RENDERING
            taken = session.get_one(Segment, (job_id, claim.index))
            assert (taken.state, taken.fence) == (SegmentState.RENDERING, claim.fence)

    def test_a_segment_that_was_lost_after_its_claim_is_left_to_the_other(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            job_id = planned(session, chunks=4)
            outcomes = {n: [make_outcome(2 * n), make_outcome(2 * n + 1)] for n in range(2)}
            until = NOW + LEASE
            claims = claim_reused(session, job_id, outcomes, holder=HOLDER, until=until, now=NOW)
            assert claim_segment(session) is None  # nobody else speaks them meanwhile
            later = until + LEASE
            assert claim_segment(session, now=later, until=later + LEASE) is not None
            assert finish_reused(session, claims, outcomes, until=later, now=later) == [1]
        with session_scope(database, is_read_only=True) as session:
            assert get_job(session, job_id).chunks_done == 2

    def test_segments_of_a_canceled_job_are_let_be(self, database: Engine) -> None:
        with session_scope(database) as session:
            job_id = planned(session, chunks=4)
            cancel_job(session, job_id, owner=OWNER, now=NOW)
            outcomes = {n: [make_outcome(2 * n), make_outcome(2 * n + 1)] for n in range(2)}
            assert not end_all(session, job_id, outcomes)
        with session_scope(database, is_read_only=True) as session:
            assert get_job(session, job_id).state is JobState.CANCELED
            assert not any(e.type.startswith("chunk") for e in list_events(session, job_id))

    def test_a_segment_of_which_a_chunk_was_reset_meanwhile_opens_again(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            job_id = planned(session, chunks=4)
            outcomes = {0: [make_outcome(0)], 1: [make_outcome(2), make_outcome(3)]}
            end_all(session, job_id, outcomes)
        with session_scope(database, is_read_only=True) as session:
            assert get_job(session, job_id).state is JobState.RENDERING
            first, second = (session.get_one(Segment, (job_id, n)) for n in range(2))
            assert (first.state, first.lease_holder) == (SegmentState.PENDING, None)
            assert second.state is SegmentState.DONE

    def test_only_untouched_segments_are_looked_at(self, database: Engine) -> None:
        with session_scope(database) as session:
            job_id = planned(session, chunks=10)
            claim_segment(session)
            for index, values in (
                (1, {"losses": 1}),
                (2, {"lease_until": NOW + LEASE}),
            ):
                session.execute(
                    update(Segment)
                    .where(Segment.job_id == job_id, Segment.index == index)
                    .values(**values)
                )
            segments = untouched_segments(session, job_id, after=-1, most=1, now=NOW)
            assert {n: [c.index for c in chunks] for n, chunks in segments.items()} == {3: [6, 7]}
            segments = untouched_segments(session, job_id, after=3, most=9, now=NOW)
            assert list(segments) == [4]
