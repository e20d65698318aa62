"""What an owner notes of a voice: tags, how it speaks unless a job says otherwise, and consent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from narration.errors import NotFoundError
from narration.voices.record import Voice, VoiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceNotes:
    """Notes of a voice. `delivery` holds the fields that are not to be as usual."""

    tags: Sequence[str] = ()
    delivery: Mapping[str, Any] | None = None
    consent: str | None = None


def write_notes(voice: Voice, notes: VoiceNotes) -> None:
    """Put notes in the place of those that a voice has."""
    voice.tags = list(notes.tags)
    voice.delivery = dict(notes.delivery) if notes.delivery else None
    voice.consent = notes.consent


def read_notes(voice: Voice) -> VoiceNotes:
    """Return the notes of a voice; of one that has none, empty ones."""
    return VoiceNotes(tags=voice.tags or (), delivery=voice.delivery, consent=voice.consent)


def find_notes(session: Session, voice_id: str) -> VoiceNotes:
    """Return the notes of a voice; of one beside the model there are none."""
    voice = session.get(Voice, voice_id)
    return VoiceNotes() if voice is None else read_notes(voice)


def lock_voice(session: Session, voice_id: str, *, owner: str) -> Voice:
    """Return a voice whose notes are to be changed. Raises: NotFoundError."""
    voice = session.get(Voice, voice_id, populate_existing=True, with_for_update=True)
    if voice is None or voice.owner != owner or voice.state is VoiceState.DELETED:
        raise NotFoundError(f"there is no voice {voice_id}")
    return voice
