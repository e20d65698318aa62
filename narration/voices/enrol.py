"""Make a voice from a recording: check it, store it, insert its row, commit, wake a worker.

A refused recording leaves nothing stored. The worker makes the conditioning, so there is no torch
here.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narration.bounded import BoundedCalls, TooLargeCallError, TooSlowError
from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import ConflictError, FieldsError, RecordingError
from narration.ids import is_id, new_id
from narration.storage.interface import BINARY, Content
from narration.storage.keys import recording_key
from narration.storage.profiles import Stores
from narration.voices.lookup import find_voice
from narration.voices.notes import VoiceNotes, write_notes
from narration.voices.record import Voice, VoiceState
from narration.voices.recording import RecordingLimits, decode_recording

NO_NOTES = VoiceNotes()
DECODE_S = 30.0  # decoding ten minutes of any codec takes a second


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFacts:
    """What an enrolment needs to know about its recording."""

    digest: str
    duration_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A request for a voice."""

    owner: str
    name: str
    recording: Content
    facts: RecordingFacts
    media_type: str = BINARY
    notes: VoiceNotes = NO_NOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The voice; `is_new` is False if the same recording already had that name."""

    voice: Voice
    is_new: bool


def enrol(database: Engine, stores: Stores, enrolment: Enrolment) -> Enrolled:
    """Accept a recording that has been checked.

    Raises: FieldsError if the name could be taken for an id; ConflictError if another recording has
    the name; StorageUnavailable, DatabaseUnavailable.
    """
    if is_id("voice", enrolment.name):
        raise FieldsError(
            [{"pointer": "/name", "detail": "has the form of a voice's id: choose another name"}]
        )
    if earlier := _find_same(database, enrolment):
        return Enrolled(voice=earlier, is_new=False)
    now = utc_now()
    voice_id = new_id("voice", now)
    key = recording_key(voice_id)
    stores.work.put(key, enrolment.recording, media_type=enrolment.media_type)
    try:
        with session_scope(database) as session:
            voice = create_voice(
                session,
                voice_id=voice_id,
                owner=enrolment.owner,
                name=enrolment.name,
                recording_key=key,
                recording_sha256=enrolment.facts.digest,
                recording_size_bytes=enrolment.facts.size_bytes,
                duration_s=enrolment.facts.duration_s,
                notes=enrolment.notes,
                now=now,
            )
    except BaseException as error:
        stores.work.delete(key)
        # Of two equal concurrent uploads this one lost; return the voice of the other.
        if isinstance(error, ConflictError) and (winner := _find_same(database, enrolment)):
            return Enrolled(voice=winner, is_new=False)
        raise
    return Enrolled(voice=voice, is_new=True)


def examine_apart(
    calls: BoundedCalls, limits: RecordingLimits, data: bytes, name: str
) -> RecordingFacts:
    """Decode a recording in a separate process that is stopped if it takes too long.

    Raises: RecordingError; BusyError if all such processes are in use.
    """
    try:
        return calls.call(_examine, limits, data, name, limit_s=DECODE_S)
    except TooSlowError as error:
        raise RecordingError(
            f"decoding {name} took longer than {DECODE_S:.0f} s: send it as wav"
        ) from error
    except TooLargeCallError as error:
        raise RecordingError(f"decoding {name} took too much memory: send it as wav") from error


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
    notes: VoiceNotes = NO_NOTES,
) -> Voice:
    """Insert a voice to be prepared; a worker is woken once this transaction is committed.

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
    write_notes(voice, notes)
    try:
        with session.begin_nested():
            session.add(voice)
    except IntegrityError as error:
        raise ConflictError(
            f"there is a voice named {name!r}: delete it or choose another"
        ) from error
    queue_wakeup(session, Task.PREPARE_VOICE, voice_id)
    return voice


def _examine(limits: RecordingLimits, data: bytes, name: str) -> RecordingFacts:
    recording = decode_recording(data, name, limits)
    return RecordingFacts(
        digest=recording.digest, duration_s=recording.duration_s, size_bytes=len(data)
    )


def _find_same(database: Engine, enrolment: Enrolment) -> Voice | None:
    with session_scope(database, is_read_only=True) as session:
        earlier = find_voice(session, enrolment.owner, enrolment.name)
    is_same = earlier is not None and earlier.recording_sha256 == enrolment.facts.digest
    return earlier if is_same else None
