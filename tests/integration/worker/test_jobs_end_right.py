"""Whole jobs on SQLite and a directory, with messages delivered by the tests."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.database import session_scope
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.lookup import get_job
from narration.jobs.states import ChunkState, JobState
from narration.jobs.step_claim import claim_step
from narration.storage.keys import chunk_audio_key
from tests.builders import OWNER, make_text
from tests.fakes import DEADLY, HOPELESS, MUMBLED, UNSPEAKABLE, ToneEngine
from tests.harness import WorkerHarness


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path)
    yield harness
    harness.close()


def test_text_becomes_files_and_a_manifest(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(3), outputs=["flac", "vtt"])
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    artifacts = harness.artifacts(job_id)
    assert sorted(artifacts) == ["audio.flac", "captions.vtt", "manifest.json"]
    assert len(harness.read(artifacts["audio.flac"])) == artifacts["audio.flac"].size_bytes
    manifest = harness.manifest(job_id)
    assert [chunk["index"] for chunk in manifest["chunks"]] == list(range(job.chunks_total))
    assert manifest["outputs"][0]["sha256"] == artifacts["audio.flac"].sha256


def test_same_request_is_spoken_once_and_delivers_the_same_bytes(harness: WorkerHarness) -> None:
    first = harness.submit(make_text(2))
    harness.deliver()
    spoken = len(harness.engine.spoken)
    second = harness.submit(make_text(2))
    harness.deliver()
    assert len(harness.engine.spoken) == spoken
    assert harness.job(second).chunks_cached == harness.job(second).chunks_total
    assert (
        harness.artifacts(first)["audio.flac"].sha256
        == harness.artifacts(second)["audio.flac"].sha256
    )


def test_messages_that_come_twice_and_out_of_order_change_nothing(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(4))
    for task in (Task.ASSEMBLE, Task.RENDER, Task.PLAN, Task.PLAN, Task.RENDER, Task.RENDER):
        harness.broker.send(task, *([] if task is Task.RENDER else [job_id]))
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert len(harness.engine.spoken) == harness.job(job_id).chunks_total


def test_lost_messages_are_sent_again_by_the_sweeper(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(1))
    for _ in range(8):
        harness.broker.take()  # every message is lost
        harness.wait(10)
        harness.sweeper.sweep()
        sent = harness.broker.take()
        for task, ids in sent:
            harness.worker.handlers[task](*ids)
    assert harness.job(job_id).state is JobState.SUCCEEDED


def test_long_queue_is_not_filled_with_repetitions(harness: WorkerHarness) -> None:
    harness.submit(make_text(1))
    harness.broker.take()
    for _ in range(120):
        harness.wait(5)
        harness.sweeper.sweep()
    assert len(harness.broker.take()) < 12


def test_mumbled_chunk_is_taken_again_with_another_seed(harness: WorkerHarness) -> None:
    job_id = harness.submit(f"This one is {MUMBLED} at first and clear in the second take.")
    harness.deliver()
    (chunk,) = harness.chunks(job_id)
    assert (chunk.state, chunk.take, chunk.findings) == (ChunkState.ACCEPTED, 1, ())


@pytest.mark.parametrize(
    ("policy", "state", "chunk_state"),
    [
        ("strict", JobState.FAILED, ChunkState.FLAGGED),
        ("flag", JobState.SUCCEEDED, ChunkState.FLAGGED),
        ("off", JobState.SUCCEEDED, ChunkState.ACCEPTED),
    ],
)
def test_policy_decides_about_a_hopeless_chunk(
    harness: WorkerHarness, policy: str, state: JobState, chunk_state: ChunkState
) -> None:
    text = f"This sentence is {HOPELESS} whatever the seed and however often it is tried."
    job_id = harness.submit(text, quality={"policy": policy, "max_takes": 2})
    harness.deliver()
    (chunk,) = harness.chunks(job_id)
    assert (harness.job(job_id).state, chunk.state) == (state, chunk_state)
    assert chunk.findings
    assert len(harness.engine.spoken) == (1 if policy == "off" else 2)


def test_retry_of_a_strict_failure_tries_new_seeds(harness: WorkerHarness) -> None:
    text = f"This sentence is {HOPELESS} whatever the seed and however often it is tried."
    job_id = harness.submit(text, quality={"policy": "strict", "max_takes": 2})
    harness.deliver()
    with session_scope(harness.database) as session:
        retry_job(session, job_id, owner=OWNER, now=harness.now)
    harness.broker.send(Task.PLAN, job_id)
    harness.deliver()
    (chunk,) = harness.chunks(job_id)
    assert chunk.take == 2
    assert len(harness.engine.spoken) == 4


def test_chunk_that_cannot_be_spoken_fails_the_job_and_keeps_the_rest(
    harness: WorkerHarness,
) -> None:
    job_id = harness.submit(f"{make_text(2)}\n\nThis is an {UNSPEAKABLE} line of the tale.")
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.error.code, job.chunks_failed) == (JobState.FAILED, "chunk_failed", 1)
    assert job.chunks_done == job.chunks_total
    assert harness.artifacts(job_id) == {}


def test_engine_that_dies_hands_the_segment_to_another_worker(harness: WorkerHarness) -> None:
    job_id = harness.submit(f"{make_text(2)}\n\nThis is a {DEADLY} line of the tale.")
    harness.deliver()
    assert harness.worker.has_died.is_set()
    assert harness.job(job_id).state is JobState.RENDERING

    other = harness.new_worker(ToneEngine(is_sturdy=True))
    harness.wait(10)
    harness.sweeper.sweep()
    harness.deliver(worker=other)
    other.close()
    assert harness.job(job_id).state is JobState.SUCCEEDED


def test_chunk_that_kills_every_engine_fails_alone(harness: WorkerHarness) -> None:
    job_id = harness.submit(f"{make_text(2)}\n\nThis is a {DEADLY} line of the tale.")
    workers = [harness.new_worker(ToneEngine()) for _ in range(6)]
    for worker in workers:
        harness.deliver(worker=worker)
        harness.wait(10)
        harness.sweeper.sweep()
    for worker in workers:
        worker.close()
    job = harness.job(job_id)
    assert (job.state, job.chunks_failed) == (JobState.FAILED, 1)
    assert [chunk.losses for chunk in harness.chunks(job_id) if chunk.error] == [5]


def test_job_whose_workers_vanish_without_a_trace_is_given_up(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(1))
    for _ in range(harness.settings.worker.step_tries + 1):
        with session_scope(harness.database) as session:
            claim_step(
                session,
                job_id,
                JobState.PLANNING,
                holder="lost",
                until=harness.now + timedelta(seconds=3),
                now=harness.now,
            )
        harness.wait(10)
    harness.deliver()
    assert harness.job(job_id).error.code == "worker_lost"


def test_canceled_job_is_let_go_of_and_goes_on_after_a_retry(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(3))
    harness.deliver_only(Task.PLAN)
    with session_scope(harness.database) as session:
        cancel_job(session, job_id, owner=OWNER, now=harness.now)
    harness.deliver()
    assert harness.engine.spoken == []
    with session_scope(harness.database) as session:
        retry_job(session, job_id, owner=OWNER, now=harness.now)
    harness.broker.send(Task.PLAN, job_id)
    harness.deliver()
    assert (harness.job(job_id).state, harness.job(job_id).attempt) == (JobState.SUCCEEDED, 2)


def test_missing_voice_fails_the_job_and_names_those_there_are(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(1), voice="nobody")
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "not_found")
    assert "default" in job.error.message


@pytest.mark.parametrize("text", ["", "   \n ", "*** --- ***", "\x00\x01\x02\x03" * 50])
def test_document_with_nothing_to_say_fails_with_a_reason(
    harness: WorkerHarness, text: str
) -> None:
    job_id = harness.submit(text)
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "document_invalid")


def test_missing_chunk_audio_is_spoken_again(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(2))
    for task in (Task.PLAN, Task.RENDER):
        harness.deliver_only(task)
    sound = harness.chunks(job_id)[1].sha256
    harness.stores.work.delete(chunk_audio_key(sound))
    harness.broker.send(Task.ASSEMBLE, job_id)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert harness.chunks(job_id)[1].sha256 == sound


def test_damaged_chunk_audio_is_noticed(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(2))
    for task in (Task.PLAN, Task.RENDER):
        harness.deliver_only(task)
    key = chunk_audio_key(harness.chunks(job_id)[0].sha256)
    sound = harness.stores.work.get(key)
    harness.stores.work.delete(key)
    harness.stores.work.put(key, sound[:-10])
    harness.broker.send(Task.ASSEMBLE, job_id)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert harness.stores.work.get(key) == sound


def test_job_past_its_deadline_fails_with_the_code(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(1), deadline_s=60)
    harness.broker.take()
    harness.wait(61)
    harness.sweeper.sweep()
    assert harness.job(job_id).error.code == "deadline_exceeded"


def test_expired_job_is_purged_with_its_files(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(1), retention_s=60)
    harness.deliver()
    audio = harness.artifacts(job_id)["audio.flac"].key
    harness.wait(61)
    harness.sweeper.purge()
    assert harness.stores.work.stat(audio) is None
    with session_scope(harness.database) as session, pytest.raises(Exception, match="no job"):
        get_job(session, job_id)


def test_chunk_audio_is_purged_when_no_job_names_it_and_it_is_old(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(1), retention_s=60)
    harness.deliver()
    key = chunk_audio_key(harness.chunks(job_id)[0].sha256)
    harness.wait(61)
    harness.sweeper.purge()
    assert harness.stores.work.stat(key) is not None
    harness.wait(31 * 86_400)
    harness.sweeper.purge()
    assert harness.stores.work.stat(key) is None


def test_draining_worker_hands_its_segment_back(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(2))
    harness.deliver_only(Task.PLAN)
    harness.worker.drain()
    harness.deliver()
    assert harness.job(job_id).state is JobState.RENDERING
    assert all(chunk.losses == 0 for chunk in harness.chunks(job_id))
