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
from tests.studio import Studio


@pytest.fixture
def studio(sqlite_database: Engine, tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(sqlite_database, tmp_path, worker={"step_tries": 3})
    yield studio
    studio.close()


def add_voice(studio: Studio, name: str, recording: bytes | None = b"sound") -> str:
    voice_id = new_id("voice", studio.now)
    if recording is not None:
        studio.stores.work.put(recording_key(voice_id), recording)
    with session_scope(studio.database) as session:
        create_voice(
            session,
            voice_id=voice_id,
            owner=OWNER,
            name=name,
            recording_key=recording_key(voice_id),
            recording_sha256=hashlib.sha256(recording or b"").hexdigest(),
            recording_size_bytes=len(recording or b""),
            duration_s=6.0,
            now=studio.now,
        )
    studio.broker.send(Task.PREPARE_VOICE, voice_id)
    return voice_id


def voice(studio: Studio, voice_id: str) -> Voice:
    with session_scope(studio.database, is_read_only=True) as session:
        return get_voice(session, voice_id)


@pytest.mark.parametrize("by", ["name", "id"])
def test_recording_becomes_a_voice_that_speaks(studio: Studio, by: str) -> None:
    voice_id = add_voice(studio, "ann")
    studio.deliver()
    assert voice(studio, voice_id).state is VoiceState.READY
    job_id = studio.submit(make_text(1), voice="ann" if by == "name" else voice_id)
    studio.deliver()
    assert studio.job(job_id).state is JobState.SUCCEEDED
    assert studio.job(job_id).voice_digest == voice(studio, voice_id).digest


def test_two_voices_sound_different(studio: Studio) -> None:
    add_voice(studio, "ann", b"one")
    add_voice(studio, "bob", b"two")
    studio.deliver()
    spoken = [studio.submit(make_text(1), voice=name) for name in ("ann", "bob")]
    studio.deliver()
    assert studio.chunks(spoken[0])[0].sha256 != studio.chunks(spoken[1])[0].sha256


def test_job_waits_for_its_voice(studio: Studio) -> None:
    add_voice(studio, "ann")
    waiting = studio.broker.take()
    job_id = studio.submit(make_text(1), voice="ann")
    studio.deliver()
    assert studio.job(job_id).state is JobState.RENDERING
    studio.broker.sent = waiting
    studio.deliver()
    studio.wait(10)
    studio.sweeper.sweep()
    studio.deliver()
    assert studio.job(job_id).state is JobState.SUCCEEDED


def test_recording_that_cannot_be_used_fails_the_voice_with_a_reason(studio: Studio) -> None:
    voice_id = add_voice(studio, "ann", recording=None)
    studio.deliver()
    assert voice(studio, voice_id).state is VoiceState.FAILED
    assert "recording" in (voice(studio, voice_id).error or "")
    job_id = studio.submit(make_text(1), voice="ann")
    studio.deliver()
    assert studio.job(job_id).error["code"] == "voice_rejected"


def test_voice_nobody_prepares_is_announced_again(studio: Studio) -> None:
    voice_id = add_voice(studio, "ann")
    studio.broker.take()
    studio.wait(10)
    studio.sweeper.sweep()
    studio.deliver()
    assert voice(studio, voice_id).state is VoiceState.READY


def test_voice_replaced_while_a_job_runs_fails_the_job(studio: Studio) -> None:
    first = add_voice(studio, "ann", b"one")
    studio.deliver()
    job_id = studio.submit(make_text(40), voice="ann")
    studio.deliver_only(Task.PLAN)
    studio.station.handlers[Task.RENDER]()
    with session_scope(studio.database) as session:
        delete_voice(session, first, owner=OWNER)
    studio.broker.take()
    add_voice(studio, "ann", b"two")
    studio.deliver()
    studio.broker.send(Task.RENDER)
    studio.deliver()
    job = studio.job(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "conflict")


def test_name_is_used_once_per_owner(studio: Studio) -> None:
    add_voice(studio, "ann")
    with pytest.raises(ConflictError, match="ann"):
        add_voice(studio, "ann")
