"""Recordings as voices on this machine: prepared once per recording and model, then found again."""

from pathlib import Path

from narration import voices
from narration.broker import Task
from narration.clock import utc_now
from narration.db import session_scope
from narration.errors import RecordingError
from narration.ids import new_id
from narration.keys import recording_key
from narration.lifecycle import VoiceState
from narration.models import Voice
from narration.recording import Recording
from rhapsode.machine import Machine

OWNER = "local"
DIGEST_CHARS = 24  # 96 bits of SHA-256 tell recordings apart


def ensure_voice(machine: Machine, recording: Recording, path: Path, revision: str) -> str:
    """Return the id of the voice of a recording, prepared now unless it is known.

    `revision` is the model's: another model hears the same recording with other networks.
    Raises: RecordingError if the networks can make nothing of it.
    """
    name = f"{recording.digest[:DIGEST_CHARS]}-{revision[:DIGEST_CHARS]}"
    with session_scope(machine.database, is_read_only=True) as session:
        known = voices.find(session, OWNER, name)
    if known is None or known.state is VoiceState.FAILED:
        known = _prepare(machine, recording, path, name, known)
    if known.state is not VoiceState.READY:
        raise RecordingError(f"{path} cannot be used as a voice: {known.error or known.state}")
    return known.id


def _prepare(
    machine: Machine, recording: Recording, path: Path, name: str, failed: Voice | None
) -> Voice:
    now = utc_now()
    voice_id = new_id("voice", now)
    machine.stores.work.put(recording_key(voice_id), path)
    with session_scope(machine.database) as session:
        if failed is not None:
            voices.delete(session, failed.id, owner=OWNER)
        voices.create(
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
    machine.station.handlers[Task.PREPARE_VOICE](voice_id)
    with session_scope(machine.database, is_read_only=True) as session:
        return voices.get(session, voice_id)
