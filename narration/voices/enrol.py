"""A new voice: its row, to be prepared."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import note_wakeup
from narration.errors import ConflictError
from narration.voices.record import Voice, VoiceState


def create_voice(
    session: Session,
    *,
    voice_id: str,
    owner: str,
    name: str,
    recording_key: str,
    recording_sha256: str,
    recording_size_bytes: int,
    duration_s: float,
    now: datetime,
) -> Voice:
    """Insert a voice that is to be prepared; a worker is woken once this transaction is committed.

    Raises: ConflictError if the owner has a voice of that name.
    """
    voice = Voice(
        id=voice_id,
        owner=owner,
        name=name,
        state=VoiceState.PREPARING,
        recording_key=recording_key,
        recording_sha256=recording_sha256,
        recording_size_bytes=recording_size_bytes,
        duration_s=duration_s,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(voice)
    except IntegrityError as error:
        raise ConflictError(
            f"there is a voice named {name!r}: delete it or choose another"
        ) from error
    note_wakeup(session, Task.PREPARE_VOICE, voice_id)
    return voice
