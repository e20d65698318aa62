"""Recordings as voices on this machine: prepared once per recording and model, then reused."""

import time
from pathlib import Path

from narration.broker.interface import Task
from narration.database import session_scope
from narration.errors import RecordingError
from narration.jobs.purge import delete_voice
from narration.voices.enrol import Enrolment, RecordingFacts, enrol
from narration.voices.lookup import find_voice, get_voice
from narration.voices.record import Voice, VoiceState
from narration.voices.recording import Recording
from rhapsode.machine import Machine

OWNER = "local"
DIGEST_CHARS = 24  # 96 bits of SHA-256 distinguish recordings
POLL_S = 0.2


def ensure_voice(machine: Machine, recording: Recording, path: Path, revision: str) -> str:
    """Return the id of the voice for a recording, prepared now unless it exists.

    `revision` is the model's, because models differ in the networks that analyse a recording.
    Raises: RecordingError if the networks cannot process it.
    """
    name = f"{recording.digest[:DIGEST_CHARS]}-{revision[:DIGEST_CHARS]}"
    with session_scope(machine.database, is_read_only=True) as session:
        voice = find_voice(session, OWNER, name)
    if voice is None or voice.state is not VoiceState.READY:
        # A voice that is still being prepared was left by a dead process, because the data
        # directory has one user at a time.
        voice = _prepare(machine, recording, path, name, voice)
    if voice.state is not VoiceState.READY:
        raise RecordingError(f"{path} cannot be used as a voice: {voice.error or voice.state}")
    return voice.id


def _prepare(
    machine: Machine, recording: Recording, path: Path, name: str, unfinished: Voice | None
) -> Voice:
    if unfinished is not None:
        with session_scope(machine.database) as session:
            delete_voice(session, machine.stores, unfinished.id, owner=OWNER)
    facts = RecordingFacts(
        digest=recording.digest,
        duration_s=recording.duration_s,
        size_bytes=path.stat().st_size,
    )
    enrolment = Enrolment(owner=OWNER, name=name, recording=path, facts=facts)
    return _prepared(machine, enrol(machine.database, machine.stores, enrolment).voice.id)


def _prepared(machine: Machine, voice_id: str) -> Voice:
    """Prepare a voice here, or wait for the thread that the sweeper woke first."""
    while True:
        machine.worker.handlers[Task.PREPARE_VOICE](voice_id)
        with session_scope(machine.database, is_read_only=True) as session:
            voice = get_voice(session, voice_id)
        if voice.state is not VoiceState.PREPARING:
            return voice
        time.sleep(POLL_S)
