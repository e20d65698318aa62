"""Every voice query: create, get, list, delete, and the step that prepares one."""

from datetime import datetime

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from narration.errors import ConflictError, NotFoundError
from narration.lifecycle import VoiceState
from narration.models import Voice


def create(
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
    """Insert a voice that is to be prepared; the caller announces it after the commit.

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
    return voice


def get(session: Session, voice_id: str, *, owner: str | None = None) -> Voice:
    """Return one voice; with an owner, only if it is theirs.

    Raises: NotFoundError if there is none.
    """
    voice = session.get(Voice, voice_id)
    if voice is None or owner not in (None, voice.owner):
        raise NotFoundError(f"there is no voice {voice_id}")
    return voice


def find(session: Session, owner: str, name_or_id: str) -> Voice | None:
    """Return an owner's voice by its name or its id."""
    query = select(Voice).where(Voice.owner == owner)
    by_id = session.scalar(query.where(Voice.id == name_or_id))
    return by_id or session.scalar(query.where(Voice.name == name_or_id))


def list_voices(session: Session, owner: str) -> list[Voice]:
    """Return an owner's voices by name."""
    return list(session.scalars(select(Voice).where(Voice.owner == owner).order_by(Voice.name)))


def delete(session: Session, voice_id: str, *, owner: str) -> Voice:
    """Delete a voice's row and return it; its objects are the caller's to delete.

    Raises: NotFoundError.
    """
    voice = get(session, voice_id, owner=owner)
    session.execute(sql_delete(Voice).where(Voice.id == voice_id))
    return voice


def claim_voice(session: Session, voice_id: str, *, until: datetime, now: datetime) -> Voice | None:
    """Take a voice to prepare, or return None: done, taken or deleted."""
    return session.scalar(
        update(Voice)
        .where(Voice.id == voice_id, Voice.state == VoiceState.PREPARING)
        .where(or_(Voice.lease_until.is_(None), Voice.lease_until <= now))
        .values(lease_until=until, tries=Voice.tries + 1)
        .returning(Voice)
    )


def mark_ready(session: Session, voice_id: str, *, digest: str, conditioning_key: str) -> bool:
    """Make a voice usable. Preparing is a pure function, so whoever ends it first is right."""
    return _end(
        session,
        voice_id,
        {"state": VoiceState.READY, "digest": digest, "conditioning_key": conditioning_key},
    )


def mark_failed(session: Session, voice_id: str, error: str) -> bool:
    """Say why a voice cannot be used."""
    return _end(session, voice_id, {"state": VoiceState.FAILED, "error": error})


def release(session: Session, voice_id: str, *, not_before: datetime) -> None:
    """Let somebody else prepare it, not before the given moment."""
    session.execute(update(Voice).where(Voice.id == voice_id).values(lease_until=not_before))


def find_unprepared(session: Session, *, now: datetime) -> list[str]:
    """Return the voices nobody is preparing."""
    query = select(Voice.id).where(Voice.state == VoiceState.PREPARING)
    return list(
        session.scalars(query.where(or_(Voice.lease_until.is_(None), Voice.lease_until <= now)))
    )


def _end(session: Session, voice_id: str, values: dict[str, str | VoiceState]) -> bool:
    ended = session.execute(
        update(Voice)
        .where(Voice.id == voice_id, Voice.state == VoiceState.PREPARING)
        .values(lease_until=None, **values)
        .returning(Voice.id)
    )
    return ended.first() is not None
