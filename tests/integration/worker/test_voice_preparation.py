"""Voices made from recordings: prepared by a gpu task, spoken with by name."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.database import session_scope
from narration.errors import ConflictError
from narration.ids import new_id
from narration.jobs.states import JobState
from narration.storage.keys import recording_key
from narration.voices.enrol import create_voice
from narration.voices.lookup import delete_voice, get_voice
from narration.voices.record import Voice, VoiceState
from tests.builders import OWNER, make_text
from tests.harness import WorkerHarness


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path, worker={"step_tries": 3})
    yield harness
    harness.close()


def add_voice(harness: WorkerHarness, name: str, recording: bytes | None = b"sound") -> str:
    voice_id = new_id("voice", harness.now)
    if recording is not None:
        harness.stores.work.put(recording_key(voice_id), recording)
    with session_scope(harness.database) as session:
        create_voice(
            session,
            voice_id=voice_id,
            owner=OWNER,
            name=name,
            recording_key=recording_key(voice_id),
            recording_sha256=hashlib.sha256(recording or b"").hexdigest(),
            recording_size_bytes=len(recording or b""),
            duration_s=6.0,
            now=harness.now,
        )
    harness.broker.send(Task.PREPARE_VOICE, voice_id)
    return voice_id


def voice(harness: WorkerHarness, voice_id: str) -> Voice:
    with session_scope(harness.database, is_read_only=True) as session:
        return get_voice(session, voice_id)


@pytest.mark.parametrize("by", ["name", "id"])
def test_recording_becomes_a_voice_that_speaks(harness: WorkerHarness, by: str) -> None:
    voice_id = add_voice(harness, "ann")
    harness.deliver()
    assert voice(harness, voice_id).state is VoiceState.READY
    assert voice(harness, voice_id).similarity == 0.75  # what the model made of a spoken sentence
    job_id = harness.submit(make_text(1), voice="ann" if by == "name" else voice_id)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert harness.job(job_id).voice_digest == voice(harness, voice_id).digest


def test_two_voices_sound_different(harness: WorkerHarness) -> None:
    add_voice(harness, "ann", b"one")
    add_voice(harness, "bob", b"two")
    harness.deliver()
    spoken = [harness.submit(make_text(1), voice=name) for name in ("ann", "bob")]
    harness.deliver()
    assert harness.chunks(spoken[0])[0].sha256 != harness.chunks(spoken[1])[0].sha256


def test_job_waits_for_its_voice(harness: WorkerHarness) -> None:
    add_voice(harness, "ann")
    waiting = harness.broker.take()
    job_id = harness.submit(make_text(1), voice="ann")
    harness.deliver()
    assert harness.job(job_id).state is JobState.RENDERING
    harness.broker.sent = waiting
    harness.deliver()
    harness.wait(10)
    harness.sweeper.sweep()
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED


def test_recording_that_cannot_be_used_fails_the_voice_with_a_reason(
    harness: WorkerHarness,
) -> None:
    voice_id = add_voice(harness, "ann", recording=None)
    harness.deliver()
    assert voice(harness, voice_id).state is VoiceState.FAILED
    assert "recording" in (voice(harness, voice_id).error or "")
    job_id = harness.submit(make_text(1), voice="ann")
    harness.deliver()
    assert harness.job(job_id).error.code == "voice_rejected"


def test_voice_nobody_prepares_is_announced_again(harness: WorkerHarness) -> None:
    voice_id = add_voice(harness, "ann")
    harness.broker.take()
    harness.wait(10)
    harness.sweeper.sweep()
    harness.deliver()
    assert voice(harness, voice_id).state is VoiceState.READY


def test_voice_replaced_while_a_job_runs_fails_the_job(harness: WorkerHarness) -> None:
    first = add_voice(harness, "ann", b"one")
    harness.deliver()
    job_id = harness.submit(make_text(40), voice="ann")
    harness.deliver_only(Task.PLAN)
    harness.worker.handlers[Task.RENDER]()
    with session_scope(harness.database) as session:
        delete_voice(session, first, owner=OWNER)
    harness.broker.take()
    add_voice(harness, "ann", b"two")
    harness.deliver()
    harness.broker.send(Task.RENDER)
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.error.code) == (JobState.FAILED, "conflict")


def test_name_is_used_once_per_owner(harness: WorkerHarness) -> None:
    add_voice(harness, "ann")
    with pytest.raises(ConflictError, match="ann"):
        add_voice(harness, "ann")
