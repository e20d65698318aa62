"""Whole jobs on SQLite and a directory, messages delivered by hand."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.database import session_scope
from narration.jobs.lookup import get_job
from narration.jobs.states import ChunkState, JobState
from narration.jobs.step_claim import claim_step
from narration.jobs.transitions import cancel_job, retry_job
from narration.storage.keys import chunk_audio_key
from tests.builders import OWNER, make_text
from tests.fakes import DEADLY, HOPELESS, MUMBLED, UNSPEAKABLE, ToneEngine
from tests.studio import Studio


@pytest.fixture
def studio(sqlite_database: Engine, tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(sqlite_database, tmp_path)
    yield studio
    studio.close()


def test_text_becomes_files_and_a_manifest(studio: Studio) -> None:
    job_id = studio.submit(make_text(3), outputs=["flac", "vtt"])
    studio.deliver()
    job = studio.job(job_id)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    artifacts = studio.artifacts(job_id)
    assert sorted(artifacts) == ["audio.flac", "captions.vtt", "manifest.json"]
    assert len(studio.read(artifacts["audio.flac"])) == artifacts["audio.flac"].size_bytes
    manifest = studio.manifest(job_id)
    assert [chunk["index"] for chunk in manifest["chunks"]] == list(range(job.chunks_total))
    assert manifest["outputs"][0]["sha256"] == artifacts["audio.flac"].sha256


def test_same_request_is_spoken_once_and_delivers_the_same_bytes(studio: Studio) -> None:
    first = studio.submit(make_text(2))
    studio.deliver()
    spoken = len(studio.engine.spoken)
    second = studio.submit(make_text(2))
    studio.deliver()
    assert len(studio.engine.spoken) == spoken
    assert studio.job(second).chunks_cached == studio.job(second).chunks_total
    assert (
        studio.artifacts(first)["audio.flac"].sha256
        == studio.artifacts(second)["audio.flac"].sha256
    )


def test_messages_that_come_twice_and_out_of_order_change_nothing(studio: Studio) -> None:
    job_id = studio.submit(make_text(4))
    for task in (Task.ASSEMBLE, Task.RENDER, Task.PLAN, Task.PLAN, Task.RENDER, Task.RENDER):
        studio.broker.send(task, *([] if task is Task.RENDER else [job_id]))
    studio.deliver()
    assert studio.job(job_id).state is JobState.SUCCEEDED
    assert len(studio.engine.spoken) == studio.job(job_id).chunks_total


def test_lost_messages_are_sent_again_by_the_sweeper(studio: Studio) -> None:
    job_id = studio.submit(make_text(1))
    for _ in range(8):
        studio.broker.take()  # every message is lost
        studio.wait(10)
        studio.sweeper.sweep()
        sent = studio.broker.take()
        for task, ids in sent:
            studio.station.handlers[task](*ids)
    assert studio.job(job_id).state is JobState.SUCCEEDED


def test_long_queue_is_not_filled_with_repetitions(studio: Studio) -> None:
    studio.submit(make_text(1))
    studio.broker.take()
    for _ in range(120):
        studio.wait(5)
        studio.sweeper.sweep()
    assert len(studio.broker.take()) < 12


def test_mumbled_chunk_is_taken_again_with_another_seed(studio: Studio) -> None:
    job_id = studio.submit(f"This one is {MUMBLED} at first and clear in the second take.")
    studio.deliver()
    (chunk,) = studio.chunks(job_id)
    assert (chunk.state, chunk.take, chunk.findings) == (ChunkState.ACCEPTED, 1, [])


@pytest.mark.parametrize(
    ("policy", "state", "chunk_state"),
    [
        ("strict", JobState.FAILED, ChunkState.FLAGGED),
        ("flag", JobState.SUCCEEDED, ChunkState.FLAGGED),
        ("off", JobState.SUCCEEDED, ChunkState.ACCEPTED),
    ],
)
def test_policy_decides_about_a_hopeless_chunk(
    studio: Studio, policy: str, state: JobState, chunk_state: ChunkState
) -> None:
    text = f"This sentence is {HOPELESS} whatever the seed and however often it is tried."
    job_id = studio.submit(text, quality={"policy": policy, "max_takes": 2})
    studio.deliver()
    (chunk,) = studio.chunks(job_id)
    assert (studio.job(job_id).state, chunk.state) == (state, chunk_state)
    assert chunk.findings
    assert len(studio.engine.spoken) == (1 if policy == "off" else 2)


def test_retry_of_a_strict_failure_tries_new_seeds(studio: Studio) -> None:
    text = f"This sentence is {HOPELESS} whatever the seed and however often it is tried."
    job_id = studio.submit(text, quality={"policy": "strict", "max_takes": 2})
    studio.deliver()
    with session_scope(studio.database) as session:
        retry_job(session, job_id, owner=OWNER, now=studio.now)
    studio.broker.send(Task.PLAN, job_id)
    studio.deliver()
    (chunk,) = studio.chunks(job_id)
    assert chunk.take == 2
    assert len(studio.engine.spoken) == 4


def test_chunk_that_cannot_be_spoken_fails_the_job_and_keeps_the_rest(studio: Studio) -> None:
    job_id = studio.submit(f"{make_text(2)}\n\nThis is an {UNSPEAKABLE} line of the tale.")
    studio.deliver()
    job = studio.job(job_id)
    assert (job.state, job.error["code"], job.chunks_failed) == (JobState.FAILED, "chunk_failed", 1)
    assert job.chunks_done == job.chunks_total
    assert studio.artifacts(job_id) == {}


def test_engine_that_dies_hands_the_segment_to_another_worker(studio: Studio) -> None:
    job_id = studio.submit(f"{make_text(2)}\n\nThis is a {DEADLY} line of the tale.")
    studio.deliver()
    assert studio.station.has_died.is_set()
    assert studio.job(job_id).state is JobState.RENDERING

    other = studio.new_station(ToneEngine(is_sturdy=True))
    studio.wait(10)
    studio.sweeper.sweep()
    studio.deliver(station=other)
    other.close()
    assert studio.job(job_id).state is JobState.SUCCEEDED


def test_chunk_that_kills_every_engine_fails_alone(studio: Studio) -> None:
    job_id = studio.submit(f"{make_text(2)}\n\nThis is a {DEADLY} line of the tale.")
    stations = [studio.new_station(ToneEngine()) for _ in range(6)]
    for station in stations:
        studio.deliver(station=station)
        studio.wait(10)
        studio.sweeper.sweep()
    for station in stations:
        station.close()
    job = studio.job(job_id)
    assert (job.state, job.chunks_failed) == (JobState.FAILED, 1)
    assert [chunk.losses for chunk in studio.chunks(job_id) if chunk.error] == [5]


def test_job_whose_workers_vanish_without_a_trace_is_given_up(studio: Studio) -> None:
    job_id = studio.submit(make_text(1))
    for _ in range(studio.settings.worker.step_tries + 1):
        with session_scope(studio.database) as session:
            claim_step(
                session,
                job_id,
                JobState.PLANNING,
                holder="lost",
                until=studio.now + timedelta(seconds=3),
                now=studio.now,
            )
        studio.wait(10)
    studio.deliver()
    assert studio.job(job_id).error["code"] == "worker_lost"


def test_canceled_job_is_let_go_of_and_goes_on_after_a_retry(studio: Studio) -> None:
    job_id = studio.submit(make_text(3))
    studio.deliver_only(Task.PLAN)
    with session_scope(studio.database) as session:
        cancel_job(session, job_id, owner=OWNER, now=studio.now)
    studio.deliver()
    assert studio.engine.spoken == []
    with session_scope(studio.database) as session:
        retry_job(session, job_id, owner=OWNER, now=studio.now)
    studio.broker.send(Task.PLAN, job_id)
    studio.deliver()
    assert (studio.job(job_id).state, studio.job(job_id).attempt) == (JobState.SUCCEEDED, 2)


def test_missing_voice_fails_the_job_and_names_those_there_are(studio: Studio) -> None:
    job_id = studio.submit(make_text(1), voice="nobody")
    studio.deliver()
    job = studio.job(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "not_found")
    assert "default" in job.error["message"]


@pytest.mark.parametrize("text", ["", "   \n ", "*** --- ***", "\x00\x01\x02\x03" * 50])
def test_document_with_nothing_to_say_fails_with_a_reason(studio: Studio, text: str) -> None:
    job_id = studio.submit(text)
    studio.deliver()
    job = studio.job(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "document_invalid")


def test_missing_chunk_audio_is_spoken_again(studio: Studio) -> None:
    job_id = studio.submit(make_text(2))
    for task in (Task.PLAN, Task.RENDER):
        studio.deliver_only(task)
    sound = studio.chunks(job_id)[1].sha256
    studio.stores.work.delete(chunk_audio_key(sound))
    studio.broker.send(Task.ASSEMBLE, job_id)
    studio.deliver()
    assert studio.job(job_id).state is JobState.SUCCEEDED
    assert studio.chunks(job_id)[1].sha256 == sound


def test_damaged_chunk_audio_is_noticed(studio: Studio) -> None:
    job_id = studio.submit(make_text(2))
    for task in (Task.PLAN, Task.RENDER):
        studio.deliver_only(task)
    key = chunk_audio_key(studio.chunks(job_id)[0].sha256)
    sound = studio.stores.work.get(key)
    studio.stores.work.delete(key)
    studio.stores.work.put(key, sound[:-10])
    studio.broker.send(Task.ASSEMBLE, job_id)
    studio.deliver()
    assert studio.job(job_id).state is JobState.SUCCEEDED
    assert studio.stores.work.get(key) == sound


def test_job_past_its_deadline_fails_with_the_code(studio: Studio) -> None:
    job_id = studio.submit(make_text(1), deadline_s=60)
    studio.broker.take()
    studio.wait(61)
    studio.sweeper.sweep()
    assert studio.job(job_id).error["code"] == "deadline_exceeded"


def test_expired_job_is_purged_with_its_files(studio: Studio) -> None:
    job_id = studio.submit(make_text(1), retention_s=60)
    studio.deliver()
    audio = studio.artifacts(job_id)["audio.flac"].key
    studio.wait(61)
    studio.sweeper.purge()
    assert studio.stores.work.stat(audio) is None
    with session_scope(studio.database) as session, pytest.raises(Exception, match="no job"):
        get_job(session, job_id)


def test_chunk_audio_is_purged_when_no_job_names_it_and_it_is_old(studio: Studio) -> None:
    job_id = studio.submit(make_text(1), retention_s=60)
    studio.deliver()
    key = chunk_audio_key(studio.chunks(job_id)[0].sha256)
    studio.wait(61)
    studio.sweeper.purge()
    assert studio.stores.work.stat(key) is not None
    studio.wait(31 * 86_400)
    studio.sweeper.purge()
    assert studio.stores.work.stat(key) is None


def test_draining_worker_hands_its_segment_back(studio: Studio) -> None:
    job_id = studio.submit(make_text(2))
    studio.deliver_only(Task.PLAN)
    studio.station.drain()
    studio.deliver()
    assert studio.job(job_id).state is JobState.RENDERING
    assert all(chunk.losses == 0 for chunk in studio.chunks(job_id))
