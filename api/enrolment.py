"""Take a recording in as a voice: check it, store it, one row, commit, then announce.

What is refused leaves nothing behind. The conditioning is made by a worker: there is no torch here.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.deps import Resources
from narration import workers
from narration.clock import utc_now
from narration.database import session_scope
from narration.ids import new_id
from narration.storage.keys import recording_key
from narration.voices.enrol import create_voice
from narration.voices.lookup import find_voice
from narration.voices.record import Voice
from narration.voices.recording import Recording, RecordingLimits, decode_recording

VOICES_KEPT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A voice as it was asked for."""

    owner: str
    name: str
    file_name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The voice; `is_new` is False if this very recording had that name already."""

    voice: Voice
    is_new: bool


def enrol(resources: Resources, enrolment: Enrolment) -> Enrolled:
    """Accept a recording or refuse it whole.

    Raises: RecordingError; ConflictError if the name is another recording's; StorageUnavailable,
    DatabaseUnavailable.
    """
    limits = RecordingLimits(max_size_bytes=resources.settings.limits.recording_size_bytes)
    recording = decode_recording(enrolment.data, enrolment.file_name, limits)
    with session_scope(resources.database, is_read_only=True) as session:
        earlier = find_voice(session, enrolment.owner, enrolment.name)
    if earlier is not None and earlier.recording_sha256 == recording.digest:
        return Enrolled(voice=earlier, is_new=False)
    voice = _store(resources, enrolment, recording)
    return Enrolled(voice=voice, is_new=True)


def bundled_voices(session: Session) -> list[str]:
    """Return the voices that lie beside the model: warm workers say which."""
    # Longer than a heartbeat: a list of voices is not to flicker with a worker that starts again.
    warm = workers.warm_workers(session, now=utc_now(), silent_after_s=VOICES_KEPT_S)
    return sorted({name for worker in warm for name in (worker.engine or {}).get("voices", ())})


def _store(resources: Resources, enrolment: Enrolment, recording: Recording) -> Voice:
    now = utc_now()
    voice_id = new_id("voice", now)
    key = recording_key(voice_id)
    resources.stores.work.put(key, enrolment.data, media_type=enrolment.media_type)
    try:
        with session_scope(resources.database) as session:
            return create_voice(
                session,
                voice_id=voice_id,
                owner=enrolment.owner,
                name=enrolment.name,
                recording_key=key,
                recording_sha256=recording.digest,
                recording_size_bytes=len(enrolment.data),
                duration_s=recording.duration_s,
                now=now,
            )
    except BaseException:
        resources.stores.work.delete(key)
        raise
