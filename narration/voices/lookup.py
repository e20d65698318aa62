"""An owner's voices: get, find, choose, list, delete."""

from collections.abc import Callable, Collection

from sqlalchemy import Select, or_, select, tuple_
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import Session

from narration.errors import NotFoundError, RecordingError, UnknownVoiceError, VoiceNotReady
from narration.ids import is_id
from narration.voices.record import Voice, VoiceState

DEFAULT_VOICE = "default"


def get_voice(session: Session, voice_id: str, *, owner: str | None = None) -> Voice:
    """Return one voice; with an owner, only if it is theirs.

    Raises: NotFoundError if there is none.
    """
    voice = session.get(Voice, voice_id)
    if voice is None or owner not in (None, voice.owner) or voice.state is VoiceState.DELETED:
        raise NotFoundError(f"there is no voice {voice_id}")
    return voice


def find_voice(session: Session, owner: str, name_or_id: str) -> Voice | None:
    """Return an owner's voice by its name or its id."""
    is_id = Voice.id == name_or_id
    query = _voices(owner).where(or_(is_id, Voice.name == name_or_id))
    return session.scalars(query.order_by(is_id.desc()).limit(1)).first()  # an id goes first


def find_voices(
    session: Session, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Voice]:
    """Return the voices of several owners by owner and name or id, in one query."""
    if not wanted:
        return {}
    named = tuple_(Voice.owner, Voice.name).in_(wanted)
    ids = {name for _, name in wanted if is_id("voice", name)}
    query = select(Voice).where(Voice.state != VoiceState.DELETED)
    voices = session.scalars(query.where(or_(named, Voice.id.in_(ids)) if ids else named)).all()
    known = {(voice.owner, voice.name): voice for voice in voices}
    known |= {(voice.owner, voice.id): voice for voice in voices}  # an id goes first
    return {key: known[key] for key in wanted if key in known}


def choose_voice(
    session: Session,
    owner: str,
    name: str,
    bundled: Callable[[], Collection[str]],
    *,
    is_kept: bool = False,
) -> str:
    """Resolve a voice to what identifies it permanently: its id, or the name of a bundled one.

    `bundled` reads the names of the bundled ones, which is rarely needed. `is_kept` prevents the
    voice's deletion until this transaction ends.
    Raises: UnknownVoiceError if there is none; VoiceNotReady; RecordingError if it could not be
    prepared.
    """
    voice = find_voice(session, owner, name)
    if voice is not None and is_kept:
        voice = session.get(Voice, voice.id, populate_existing=True, with_for_update={"read": True})
    return identify_voice(voice, name, bundled)


def identify_voice(voice: Voice | None, name: str, bundled: Callable[[], Collection[str]]) -> str:
    """Return what identifies a voice that was found by its name. Raises: see `choose_voice`."""
    if voice is None or voice.state is VoiceState.DELETED:
        if name != DEFAULT_VOICE and name not in bundled():
            raise UnknownVoiceError(f"there is no voice {name!r}: list the voices to see yours")
        return name
    if voice.state is VoiceState.PREPARING:
        raise VoiceNotReady(f"voice {name!r} is being prepared: send the job again soon")
    if voice.state is VoiceState.FAILED:
        raise RecordingError(f"voice {name!r} could not be prepared ({voice.error})")
    return voice.id


def list_voices(session: Session, owner: str) -> list[Voice]:
    """Return an owner's voices by name."""
    return list(session.scalars(_voices(owner).order_by(Voice.name)))


def retire_voice(session: Session, voice_id: str, *, owner: str) -> Voice:
    """Remove a voice from its owner's list and free its name; jobs continue to speak with it.

    Raises: NotFoundError.
    """
    voice = session.get(Voice, voice_id, populate_existing=True, with_for_update=True)
    if voice is None or voice.owner != owner or voice.state is VoiceState.DELETED:
        raise NotFoundError(f"there is no voice {voice_id}")
    voice.state = VoiceState.DELETED
    voice.name = f"{VoiceState.DELETED}:{voice_id}"  # a name that no caller can choose
    session.flush()
    return voice


def delete_voice(session: Session, voice_id: str, *, owner: str) -> Voice:
    """Delete a voice's row and return it; the caller deletes its objects.

    Raises: NotFoundError.
    """
    voice = get_voice(session, voice_id, owner=owner)
    session.execute(sql_delete(Voice).where(Voice.id == voice_id))
    return voice


def _voices(owner: str) -> Select[Voice]:
    return select(Voice).where(Voice.owner == owner, Voice.state != VoiceState.DELETED)
