"""An owner's voices: get, find, list, delete."""

from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.orm import Session

from narration.errors import NotFoundError
from narration.voices.record import Voice


def get_voice(session: Session, voice_id: str, *, owner: str | None = None) -> Voice:
    """Return one voice; with an owner, only if it is theirs.

    Raises: NotFoundError if there is none.
    """
    voice = session.get(Voice, voice_id)
    if voice is None or owner not in (None, voice.owner):
        raise NotFoundError(f"there is no voice {voice_id}")
    return voice


def find_voice(session: Session, owner: str, name_or_id: str) -> Voice | None:
    """Return an owner's voice by its name or its id."""
    query = select(Voice).where(Voice.owner == owner)
    by_id = session.scalar(query.where(Voice.id == name_or_id))
    return by_id or session.scalar(query.where(Voice.name == name_or_id))


def list_voices(session: Session, owner: str) -> list[Voice]:
    """Return an owner's voices by name."""
    return list(session.scalars(select(Voice).where(Voice.owner == owner).order_by(Voice.name)))


def delete_voice(session: Session, voice_id: str, *, owner: str) -> Voice:
    """Delete a voice's row and return it; its objects are the caller's to delete.

    Raises: NotFoundError.
    """
    voice = get_voice(session, voice_id, owner=owner)
    session.execute(sql_delete(Voice).where(Voice.id == voice_id))
    return voice
