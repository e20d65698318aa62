"""An owner's notes on a voice: tags, the delivery for jobs that set none, and consent."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from narration.errors import NotFoundError
from narration.voices.delivery import DeliverySettings
from narration.voices.record import Voice, VoiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceNotes:
    """Notes on a voice. Of `delivery`, only the fields that were set explicitly count."""

    tags: Sequence[str] = ()
    delivery: DeliverySettings | None = None
    consent: str | None = None


def write_notes(voice: Voice, notes: VoiceNotes) -> None:
    """Replace the notes of a voice."""
    voice.tags = list(notes.tags)
    # An empty object says nothing and is stored as none.
    voice.delivery = (notes.delivery and notes.delivery.chosen()) or None
    voice.consent = notes.consent


def read_notes(voice: Voice) -> VoiceNotes:
    """Return the notes of a voice; empty ones if it has none."""
    # Another version may have stored fields that this one does not know.
    delivery = voice.delivery and DeliverySettings.model_validate(voice.delivery, extra="ignore")
    return VoiceNotes(tags=voice.tags or (), delivery=delivery or None, consent=voice.consent)


def find_notes(session: Session, voice_id: str) -> VoiceNotes:
    """Return the notes of a voice; empty ones for a voice stored with the model."""
    voice = session.get(Voice, voice_id)
    return VoiceNotes() if voice is None else read_notes(voice)


def lock_voice(session: Session, voice_id: str, *, owner: str) -> Voice:
    """Return a voice, locked so that its notes can be changed. Raises: NotFoundError."""
    voice = session.get(Voice, voice_id, populate_existing=True, with_for_update=True)
    if voice is None or voice.owner != owner or voice.state is VoiceState.DELETED:
        raise NotFoundError(f"there is no voice {voice_id}")
    return voice
