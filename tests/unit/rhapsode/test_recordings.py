"""Voices of one machine: work that an earlier process left unfinished is done again."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from narration.broker.interface import Task
from narration.clock import utc_now
from narration.database import session_scope
from narration.voices.claim import claim_voice
from narration.voices.enrol import create_voice
from narration.voices.lookup import get_voice
from narration.voices.record import Voice, VoiceState
from narration.voices.recording import Recording, read_recording
from rhapsode.machine import Machine, open_machine
from rhapsode.recordings import OWNER, ensure_voice
from tests.builders import make_settings
from tests.fakes import make_model

REVISION = "r" * 40
RATE_HZ = 8_000


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with open_machine(make_settings(tmp_path / "data"), lambda _: make_model()) as machine:
        yield machine


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "me.wav"
    soundfile.write(path, np.sin(np.arange(6 * RATE_HZ) / 20) / 2, RATE_HZ)
    return path


@pytest.fixture
def recording(sound: Path) -> Recording:
    return read_recording(sound)


def voice(machine: Machine, voice_id: str) -> Voice:
    with session_scope(machine.database, is_read_only=True) as session:
        return get_voice(session, voice_id)


def leave_unfinished(machine: Machine, recording: Recording) -> str:
    """Leave behind what a process leaves that is killed while it prepares a voice."""
    now = utc_now()
    with session_scope(machine.database) as session:
        create_voice(
            session,
            voice_id="voice_left",
            owner=OWNER,
            name=f"{recording.digest[:24]}-{REVISION[:24]}",
            recording_key="voices/voice_left/recording",
            recording_sha256=recording.digest,
            recording_size_bytes=1,
            duration_s=recording.duration_s,
            now=now,
        )
        claim_voice(session, "voice_left", until=now + timedelta(hours=1), now=now)
    return "voice_left"


def test_a_known_recording_is_prepared_once(
    machine: Machine, recording: Recording, sound: Path
) -> None:
    first = ensure_voice(machine, recording, sound, REVISION)
    assert ensure_voice(machine, recording, sound, REVISION) == first
    assert voice(machine, first).state is VoiceState.READY


def test_a_voice_left_half_prepared_is_prepared_anew(
    machine: Machine, recording: Recording, sound: Path
) -> None:
    left = leave_unfinished(machine, recording)
    ready_voice = ensure_voice(machine, recording, sound, REVISION)
    assert ready_voice != left
    assert voice(machine, ready_voice).state is VoiceState.READY


def test_a_voice_that_another_thread_prepares_is_waited_for(
    machine: Machine, recording: Recording, sound: Path
) -> None:
    prepare = machine.worker.handlers[Task.PREPARE_VOICE]
    late: list[threading.Timer] = []

    def prepare_elsewhere(voice_id: str) -> None:
        if not late:
            late.append(threading.Timer(0.3, prepare, (voice_id,)))
            late[0].start()

    machine.worker.handlers[Task.PREPARE_VOICE] = prepare_elsewhere
    ready_voice = ensure_voice(machine, recording, sound, REVISION)
    late[0].join()
    assert voice(machine, ready_voice).state is VoiceState.READY
