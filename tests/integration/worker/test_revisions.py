"""A changed text is narrated as a job of its own: only what changed is spoken and encoded."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select

from narration.database import session_scope
from narration.jobs.document import examine_all
from narration.jobs.mend import Retake, accept_take, retake_chunk
from narration.jobs.purge import delete_job
from narration.jobs.record import Segment
from narration.jobs.revise import NewText, make_revision
from narration.jobs.sound_record import ChunkAudio, PartAudio
from narration.jobs.states import ChunkState, JobState, SegmentState
from narration.jobs.submit import Submitter
from narration.storage.write_check import WriteCheck
from tests.builders import OWNER, make_text
from tests.harness import WorkerHarness

HOPELESS = "Here comes a quite hopeless sentence that nobody can hear. It goes on for a while."
NEW = "A sentence that nobody has ever written before stands here."


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path)
    yield harness
    harness.close()


def revise(harness: WorkerHarness, job_id: str, text: str) -> str:
    limits = harness.settings.limits
    submitter = Submitter(
        database=harness.database,
        stores=harness.stores,
        limits=limits,
        write_check=WriteCheck(harness.stores),
        examine=partial(examine_all, limits),
    )
    new_text = NewText(name="tale.txt", media_type="text/plain", data=text.encode())
    submission = make_revision(harness.database, harness.stores, job_id, new_text, owner=OWNER)
    return submitter.submit(submission).job.id


def finished(harness: WorkerHarness, text: str, *, of: str | None = None) -> str:
    job_id = harness.submit(text, outputs=["mp3"]) if of is None else revise(harness, of, text)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    return job_id


def parts_made(harness: WorkerHarness) -> set[str]:
    with session_scope(harness.database, is_read_only=True) as session:
        return set(session.scalars(select(PartAudio.digest)))


def test_only_what_changed_is_spoken_and_encoded(harness: WorkerHarness) -> None:
    text = make_text(16)
    first = finished(harness, text)
    before = parts_made(harness)
    harness.engine.spoken.clear()
    paragraphs = text.split("\n\n")
    second = finished(harness, "\n\n".join([*paragraphs[:-1], NEW]), of=first)
    assert harness.engine.spoken == [NEW]
    assert len(parts_made(harness) - before) == 2  # as MP3, and as AAC for listeners
    old, new = harness.manifest(first), harness.manifest(second)
    assert old["programme"]["gain_db"] == new["programme"]["gain_db"]
    assert (old["voice_digest"], old["engines"]) == (new["voice_digest"], new["engines"])
    assert harness.job(second).revision_of == first
    assert harness.job(first).state is JobState.SUCCEEDED
    job = harness.job(second)
    assert (job.chunks_done, job.chunks_cached) == (job.chunks_total, job.chunks_total - 1)


def test_what_was_retaken_corrected_and_accepted_stays_so(harness: WorkerHarness) -> None:
    text = "\n\n".join([make_text(2), HOPELESS])
    first = finished(harness, text)
    flagged = harness.chunks(first)[-1].index
    with session_scope(harness.database) as session:
        retake = Retake(spoken_text="Nothing of the old words is left.")
        retake_chunk(session, first, 0, retake, owner=OWNER, now=harness.clock())
        accept_take(session, first, flagged, None, owner=OWNER, now=harness.clock())
    harness.deliver()
    with session_scope(harness.database) as session:
        session.execute(delete(ChunkAudio))  # the cache may have been purged
    harness.engine.spoken.clear()
    second = finished(harness, f"{text}\n\n{NEW}", of=first)
    assert harness.engine.spoken == [NEW]
    for old, new in zip(harness.chunks(first), harness.chunks(second), strict=False):
        assert (new.sha256, new.spoken_text, new.state) == (old.sha256, old.spoken_text, old.state)
    assert harness.chunks(second)[flagged].state is ChunkState.ACCEPTED


def test_sentence_that_is_repeated_takes_over_each_of_its_takes(harness: WorkerHarness) -> None:
    again = "He nodded slowly, and she nodded back at him without a single word."
    text = "\n\n".join([again, make_text(1), again])
    first = finished(harness, text)
    with session_scope(harness.database) as session:
        retake_chunk(session, first, 0, Retake(), owner=OWNER, now=harness.clock())
    harness.deliver()
    second = finished(harness, f"{text}\n\n{NEW}", of=first)
    old, new = harness.chunks(first), harness.chunks(second)
    assert old[0].sha256 != old[-1].sha256
    assert [chunk.sha256 for chunk in new[:-1]] == [chunk.sha256 for chunk in old]


def test_equal_text_is_delivered_without_speaking(harness: WorkerHarness) -> None:
    text = make_text(3)
    first = finished(harness, text)
    harness.engine.spoken.clear()
    second = finished(harness, text, of=first)
    assert harness.engine.spoken == []
    assert {a.name: a.sha256 for a in harness.artifacts(first).values() if a.duration_ms} == {
        a.name: a.sha256 for a in harness.artifacts(second).values() if a.duration_ms
    }
    with session_scope(harness.database, is_read_only=True) as session:
        states = set(session.scalars(select(Segment.state).where(Segment.job_id == second)))
    assert states == {SegmentState.DONE}


def test_original_that_was_deleted_meanwhile_is_not_missed(harness: WorkerHarness) -> None:
    first = finished(harness, make_text(2))
    second = revise(harness, first, f"{make_text(2)}\n\n{NEW}")
    with session_scope(harness.database) as session:
        delete_job(session, harness.stores, first, owner=OWNER, now=harness.clock())
    harness.deliver()
    assert harness.job(second).state is JobState.SUCCEEDED
