"""Recordings as voices on this machine: prepared once per recording and model, then found again."""

import time
from pathlib import Path

from narration.broker.interface import Task
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import RecordingError
from narration.ids import new_id
from narration.storage.keys import recording_key
from narration.voices.enrol import create_voice
from narration.voices.lookup import delete_voice, find_voice, get_voice
from narration.voices.record import Voice, VoiceState
from narration.voices.recording import Recording
from rhapsode.machine import Machine

OWNER = "local"
DIGEST_CHARS = 24  # 96 bits of SHA-256 tell recordings apart
POLL_S = 0.2


def ensure_voice(machine: Machine, recording: Recording, path: Path, revision: str) -> str:
    """Return the id of the voice of a recording, prepared now unless it is known.

    `revision` is the model's: another model hears the same recording with other networks.
    Raises: RecordingError if the networks can make nothing of it.
    """
    name = f"{recording.digest[:DIGEST_CHARS]}-{revision[:DIGEST_CHARS]}"
    with session_scope(machine.database, is_read_only=True) as session:
        voice = find_voice(session, OWNER, name)
    if voice is None or voice.state is not VoiceState.READY:
        # One that is still being prepared was left by a process that is gone: the data directory
        # has one user at a time.
        voice = _prepare(machine, recording, path, name, voice)
    if voice.state is not VoiceState.READY:
        raise RecordingError(f"{path} cannot be used as a voice: {voice.error or voice.state}")
    return voice.id


def _prepare(
    machine: Machine, recording: Recording, path: Path, name: str, unfinished: Voice | None
) -> Voice:
    now = utc_now()
    voice_id = new_id("voice", now)
    machine.stores.work.put(recording_key(voice_id), path)
    if unfinished is not None:
        machine.stores.work.delete(unfinished.recording_key)
    with session_scope(machine.database) as session:
        if unfinished is not None:
            delete_voice(session, unfinished.id, owner=OWNER)
        create_voice(
            session,
            voice_id=voice_id,
            owner=OWNER,
            name=name,
            recording_key=recording_key(voice_id),
            recording_sha256=recording.digest,
            recording_size_bytes=path.stat().st_size,
            duration_s=recording.duration_s,
            now=now,
        )
    return _prepared(machine, voice_id)


def _prepared(machine: Machine, voice_id: str) -> Voice:
    """Prepare a voice here, or wait for the thread that the sweeper woke first."""
    while True:
        machine.worker.handlers[Task.PREPARE_VOICE](voice_id)
        with session_scope(machine.database, is_read_only=True) as session:
            voice = get_voice(session, voice_id)
        if voice.state is not VoiceState.PREPARING:
            return voice
        time.sleep(POLL_S)
