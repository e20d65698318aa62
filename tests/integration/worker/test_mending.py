"""A delivered job is mended: one chunk is retaken, and the earlier delivery stays."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from sqlalchemy import Engine, select

from narration.broker.interface import Task
from narration.database import session_scope
from narration.errors import ConflictError, FieldsError, NotFoundError
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.lookup import list_past_artifacts
from narration.jobs.mend import Retake, accept_take, retake_chunk
from narration.jobs.past_takes import list_takes
from narration.jobs.purge import delete_job
from narration.jobs.sound_record import PartAudio
from narration.jobs.states import ChunkState, JobState
from narration.storage.keys import chunk_audio_key
from narration.voices.delivery import DeliverySettings
from tests.builders import OWNER, make_text
from tests.harness import WorkerHarness

HOPELESS = "Here comes a quite hopeless sentence that nobody can hear. It goes on for a while."
OUTPUTS = ["mp3", "flac"]


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path)
    yield harness
    harness.close()


def finished(harness: WorkerHarness, text: str, **settings: Any) -> str:
    job_id = harness.submit(text, **{"outputs": OUTPUTS, **settings})
    harness.deliver()
    return job_id


def retake(harness: WorkerHarness, job_id: str, index: int, **changes: Any) -> JobState:
    with session_scope(harness.database) as session:
        job = retake_chunk(
            session, job_id, index, Retake(**changes), owner=OWNER, now=harness.clock()
        )
        return job.state


def accept(harness: WorkerHarness, job_id: str, index: int, number: int | None = None) -> JobState:
    with session_scope(harness.database) as session:
        job = accept_take(session, job_id, index, number, owner=OWNER, now=harness.clock())
        return job.state


def parts_made(harness: WorkerHarness) -> set[str]:
    with session_scope(harness.database, is_read_only=True) as session:
        return set(session.scalars(select(PartAudio.digest)))


def flagged(harness: WorkerHarness, job_id: str) -> list[int]:
    return [c.index for c in harness.chunks(job_id) if c.state is ChunkState.FLAGGED]


def samples(harness: WorkerHarness, job_id: str, name: str = "audio.flac") -> Any:
    sound, _ = soundfile.read(io.BytesIO(harness.read(harness.artifacts(job_id)[name])))
    return sound


def test_only_the_chunk_is_spoken_and_only_its_part_is_encoded(harness: WorkerHarness) -> None:
    job_id = finished(harness, make_text(16), outputs=["mp3"])
    before, chunks = parts_made(harness), harness.chunks(job_id)
    gain_db = harness.manifest(job_id)["programme"]["gain_db"]
    harness.engine.spoken.clear()
    assert retake(harness, job_id, 12) is JobState.RENDERING
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert harness.engine.spoken == [chunks[12].spoken_text]
    assert len(parts_made(harness) - before) == 2  # as MP3, and as AAC for listeners
    assert harness.manifest(job_id)["programme"]["gain_db"] == gain_db
    after = harness.chunks(job_id)
    changed = [a.index for a, b in zip(after, chunks, strict=True) if a.sha256 != b.sha256]
    assert changed == [12]
    assert after[12].seed != chunks[12].seed


def test_earlier_delivery_stays_until_and_after_the_new_one_is_there(
    harness: WorkerHarness,
) -> None:
    job_id = finished(harness, make_text(2))
    first = harness.artifacts(job_id)
    manifest = harness.read(first["manifest.json"])
    retake(harness, job_id, 0)
    assert {name: a.sha256 for name, a in harness.artifacts(job_id).items()} == {
        name: a.sha256 for name, a in first.items()
    }
    harness.deliver()
    second = harness.artifacts(job_id)
    assert {a.revision for a in second.values()} == {2}
    assert second["audio.flac"].sha256 != first["audio.flac"].sha256
    with session_scope(harness.database, is_read_only=True) as session:
        past = list_past_artifacts(session, job_id)
    assert {(a.revision, a.name, a.sha256) for a in past} == {
        (1, a.name, a.sha256) for a in first.values()
    }
    for artifact in (*first.values(), *second.values()):
        assert harness.stores.work.stat(artifact.key) is not None, artifact.key
    assert harness.read(first["manifest.json"]) == manifest
    assert harness.manifest(job_id)["revision"] == 2


def test_every_file_goes_with_the_job(harness: WorkerHarness) -> None:
    job_id = finished(harness, make_text(2))
    retake(harness, job_id, 0)
    harness.deliver()
    with session_scope(harness.database) as session:
        delete_job(session, harness.stores, job_id, owner=OWNER, now=harness.clock())
    assert list(harness.stores.work.find(f"{job_id}/")) == []


def test_corrected_text_and_another_delivery_are_what_is_spoken(harness: WorkerHarness) -> None:
    job_id = finished(harness, make_text(1))
    old = harness.chunks(job_id)[0]
    retake(
        harness,
        job_id,
        0,
        spoken_text="Doctor Who met 3 cats.",
        delivery=DeliverySettings(exaggeration=0.9),
    )
    harness.deliver()
    chunk = harness.chunks(job_id)[0]
    assert harness.engine.spoken[-1] == "Doctor Who met three cats."
    assert (chunk.planned_text, chunk.caption) == (old.spoken_text, old.caption)
    assert chunk.voicing is not None
    assert chunk.voicing["delivery"]["exaggeration"] == 0.9
    assert harness.manifest(job_id)["chunks"][0]["spoken_text"] == chunk.spoken_text
    retake(harness, job_id, 0)  # the correction is kept
    harness.deliver()
    assert harness.engine.spoken[-1] == "Doctor Who met three cats."


@pytest.mark.parametrize(
    ("text", "reason"), [("...", "write words"), ("ж", "no voice"), ("word " * 100, "limit")]
)
def test_text_that_no_voice_can_say_is_refused(
    harness: WorkerHarness, text: str, reason: str
) -> None:
    job_id = finished(harness, make_text(1))
    with pytest.raises(FieldsError, match=reason):
        retake(harness, job_id, 0, spoken_text=text)
    assert harness.job(job_id).state is JobState.SUCCEEDED


def test_takes_are_kept_to_be_compared_and_an_earlier_one_is_chosen(
    harness: WorkerHarness,
) -> None:
    job_id = finished(harness, make_text(2))
    first, sound = harness.chunks(job_id)[0], samples(harness, job_id)
    retake(harness, job_id, 0)
    harness.deliver()
    second = harness.chunks(job_id)[0]
    assert second.take is not None
    assert second.take > (first.take or 0)
    harness.engine.spoken.clear()
    accept(harness, job_id, 0, first.take)
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.revision) == (JobState.SUCCEEDED, 3)
    assert harness.chunks(job_id)[0].sha256 == first.sha256
    assert (samples(harness, job_id) == sound).all()
    assert harness.engine.spoken == []
    with session_scope(harness.database, is_read_only=True) as session:
        takes = list_takes(session, harness.chunks(job_id)[0])
    assert [(take.number, take.is_kept) for take in takes] == [
        (first.take, True),
        (second.take, False),
    ]


def test_takes_that_did_not_pass_can_be_heard(harness: WorkerHarness) -> None:
    job_id = finished(harness, HOPELESS)
    (chunk,) = harness.chunks(job_id)
    with session_scope(harness.database, is_read_only=True) as session:
        takes = list_takes(session, chunk)
    assert [(take.number, take.is_kept) for take in takes] == [(0, True), (1, False), (2, False)]
    for take in takes:
        assert [finding.flag for finding in take.findings] == ["silent"]
        assert harness.stores.work.stat(chunk_audio_key(take.sha256)) is not None


def test_flagged_chunk_accepted_as_it_is_needs_no_new_delivery(harness: WorkerHarness) -> None:
    job_id = finished(harness, HOPELESS)
    before = harness.artifacts(job_id)
    assert accept(harness, job_id, 0) is JobState.SUCCEEDED
    assert flagged(harness, job_id) == []
    assert harness.job(job_id).chunks_flagged == 0
    assert harness.artifacts(job_id).keys() == before.keys()
    assert harness.broker.sent == []
    assert accept(harness, job_id, 0) is JobState.SUCCEEDED  # accepting twice is no error


def test_job_that_failed_by_strictness_is_accepted_chunk_by_chunk(harness: WorkerHarness) -> None:
    text = f"{HOPELESS}\n\n{make_text(2)}\n\nAnother {HOPELESS}"
    job_id = finished(harness, text, quality={"policy": "strict", "max_takes": 1})
    first, *_, last = flagged(harness, job_id)
    assert harness.job(job_id).state is JobState.FAILED
    assert accept(harness, job_id, first) is JobState.FAILED
    error = harness.job(job_id).error
    assert error is not None
    assert f"chunk {last} did not pass" in error.message
    for index in flagged(harness, job_id):
        accept(harness, job_id, index)
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.revision, job.error) == (JobState.SUCCEEDED, 1, None)


def test_chunk_that_could_not_be_spoken_is_spoken_once_it_is_corrected(
    harness: WorkerHarness,
) -> None:
    job_id = finished(harness, f"{make_text(1)}\n\nAn unspeakable thing was seen on the lane.")
    (failed,) = [c.index for c in harness.chunks(job_id) if c.state is ChunkState.FAILED]
    with pytest.raises(ConflictError, match="no take"):
        accept(harness, job_id, failed)
    retake(harness, job_id, failed, spoken_text="A horrible thing was seen on the lane.")
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED


def test_chunk_is_retaken_while_others_are_still_to_be_spoken(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(40), outputs=["mp3"])
    harness.deliver_only(Task.PLAN)
    waiting = [message for message in harness.broker.take() if message[0] is Task.RENDER]
    harness.worker.handlers[Task.RENDER]()
    assert harness.job(job_id).state is JobState.RENDERING, waiting
    old = harness.chunks(job_id)[0]
    retake(harness, job_id, 0)
    with pytest.raises(ConflictError, match="being spoken"):
        retake(harness, job_id, 0)
    harness.broker.sent += waiting
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.revision) == (JobState.SUCCEEDED, 1)
    assert harness.chunks(job_id)[0].sha256 != old.sha256
    assert job.chunks_done == job.chunks_total


def test_retake_overtakes_the_worker_that_delivers(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(2), outputs=["mp3"])
    while not any(task is Task.ASSEMBLE for task, _ in harness.broker.sent):
        task, ids = harness.broker.sent.pop(0)
        harness.worker.handlers[task](*ids)
    assert harness.job(job_id).state is JobState.ASSEMBLING
    assert retake(harness, job_id, 0) is JobState.RENDERING
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.revision) == (JobState.SUCCEEDED, 2)
    (first, second) = (harness.chunks(job_id)[0], harness.manifest(job_id)["chunks"][0])
    assert first.sha256 == second["sha256"]


def test_canceled_mending_leaves_what_was_delivered_and_goes_on_by_retry(
    harness: WorkerHarness,
) -> None:
    job_id = finished(harness, make_text(2))
    retake(harness, job_id, 0)
    with session_scope(harness.database) as session:
        cancel_job(session, job_id, owner=OWNER, now=harness.clock())
    assert {a.revision for a in harness.artifacts(job_id).values()} == {1}
    with pytest.raises(ConflictError, match="retry it first"):
        accept(harness, job_id, 0, 0)
    with session_scope(harness.database) as session:
        retry_job(session, job_id, owner=OWNER, now=harness.clock())
    harness.deliver()
    assert {a.revision for a in harness.artifacts(job_id).values()} == {2}


@pytest.mark.parametrize(("index", "number"), [(99, None), (0, 7)])
def test_chunk_or_take_that_is_not_there_is_not_found(
    harness: WorkerHarness, index: int, number: int | None
) -> None:
    job_id = finished(harness, make_text(1))
    with pytest.raises(NotFoundError):
        accept(harness, job_id, index, number)


def test_job_of_another_owner_is_not_found(harness: WorkerHarness) -> None:
    job_id = finished(harness, make_text(1))
    with pytest.raises(NotFoundError), session_scope(harness.database) as session:
        retake_chunk(session, job_id, 0, Retake(), owner="eve", now=harness.clock())
