"""How parts that were encoded before are stored together, on every database."""

from dataclasses import replace

from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.jobs.control import cancel_job
from narration.jobs.events import list_events
from narration.jobs.part_reuse import FoundPart, finish_found, untouched_parts
from narration.jobs.part_sound import PartSound
from narration.jobs.parts import get_parts
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.states import ChunkState, PartState
from tests.builders import NOW, OWNER
from tests.contracts.part_queries import PART_CHUNKS, spoken_job, take


def found_job(session: Session) -> Job:
    job = spoken_job(session, chunks=3 * PART_CHUNKS)
    session.execute(
        update(Chunk).where(Chunk.job_id == job.id).values(sha256="a" * 64, samples=24_000)
    )
    session.execute(delete(Part).where(Part.index > 2))
    session.execute(update(Part).values(needs_from=Part.first_chunk, needs_end=Part.end_chunk))
    session.expire_all()
    return job


def found_parts(session: Session, job_id: str) -> list[FoundPart]:
    sound = PartSound(sha256="b" * 64, samples=24_000, packets=24, ends_run=True)
    return [
        FoundPart(
            index=part.index,
            takes=dict.fromkeys(range(part.needs_from, part.needs_end), "a" * 64),
            sound=replace(sound, sha256=str(part.index) * 64),
        )
        for part in untouched_parts(session, job_id, after=-1, most=9, now=NOW)
    ]


class PartReuseContract:
    """Three parts of a job, all of which are in the store."""

    def test_found_parts_are_stored_together(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = found_job(session)
            parts = found_parts(session, job.id)
            assert finish_found(session, job.id, parts, gain_db=0.0, now=NOW) == [0, 1, 2]
            session.expire_all()
            stored = get_parts(session, job.id)
            assert {part.state for part in stored} == {PartState.STORED}
            assert [part.audio_sha256 for part in stored] == [str(n) * 64 for n in range(3)]
            assert [part.fence for part in stored] == [1, 1, 1]
            kinds = [event.type for event in list_events(session, job.id)]
            assert kinds.count("part.stored") == 3
            assert finish_found(session, job.id, parts, gain_db=0.0, now=NOW) == []
            assert untouched_parts(session, job.id, after=-1, most=9, now=NOW) == []

    def test_a_found_part_that_has_changed_is_not_stored(self, database: Engine) -> None:
        with session_scope(database) as session:
            job = found_job(session)
            parts = found_parts(session, job.id)
            # Another worker holds the first, and a chunk of the second was spoken again.
            claim = take(session)
            assert claim is not None
            assert claim.index == 0
            first = parts[1].takes.keys()
            of_one = (Chunk.index == min(first), Chunk.job_id == job.id)
            session.execute(update(Chunk).where(*of_one).values(sha256="f" * 64))
            assert finish_found(session, job.id, parts, gain_db=0.0, now=NOW) == [2]
            session.execute(update(Chunk).where(*of_one).values(state=ChunkState.PENDING))
            same = [replace(parts[1], takes={})]
            assert finish_found(session, job.id, same, gain_db=0.0, now=NOW) == []

    def test_found_parts_are_not_stored_at_another_gain_or_after_the_end(
        self, database: Engine
    ) -> None:
        with session_scope(database) as session:
            job = found_job(session)
            parts = found_parts(session, job.id)
            assert finish_found(session, job.id, parts, gain_db=-0.5, now=NOW) == []
            cancel_job(session, job.id, owner=OWNER, now=NOW)
            assert finish_found(session, job.id, parts, gain_db=0.0, now=NOW) == []
            assert {part.state for part in get_parts(session, job.id)} == {PartState.PENDING}
