"""Request and response bodies for voices and their notes."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas import VoiceBody
from narration.field_types import Line
from narration.voices.delivery import DeliverySettings
from narration.voices.notes import VoiceNotes, read_notes
from narration.voices.record import Voice, VoiceState

MAX_TAGS, MAX_TAG_CHARS, MAX_CONSENT_CHARS = 20, 64, 1000


def _each_once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Tag = Annotated[Line, Field(min_length=1, max_length=MAX_TAG_CHARS)]


class VoicePatch(BaseModel):
    """Changes to a voice's notes; omitted fields stay as they are, and null removes a note."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS), AfterValidator(_each_once)] | None = (
        Field(None, examples=[["warm", "english"]])
    )
    delivery: DeliverySettings | None = Field(
        None, description="default delivery settings; a job may override each field"
    )
    consent: Annotated[Line, Field(max_length=MAX_CONSENT_CHARS)] | None = Field(
        None, description="who agreed to what, and when; stored and shown, not interpreted"
    )

    def noted_on(self, notes: VoiceNotes) -> VoiceNotes:
        """Return the notes after this change."""
        sent = self.model_fields_set
        return VoiceNotes(
            tags=(self.tags or ()) if "tags" in sent else notes.tags,
            delivery=self.delivery if "delivery" in sent else notes.delivery,
            consent=self.consent if "consent" in sent else notes.consent,
        )


def voice_body(voice: Voice) -> VoiceBody:
    """Convert an owner's voice to its body."""
    notes = read_notes(voice)
    return VoiceBody(
        id=voice.id,
        name=voice.name,
        state=voice.state,
        tags=list(notes.tags),
        delivery=notes.delivery,
        consent=notes.consent,
        duration_s=voice.duration_s,
        recording_sha256=voice.recording_sha256,
        digest=voice.digest,
        similarity=voice.similarity,
        error=voice.error,
        created_at=voice.created_at,
        preview=f"/v1/voices/{voice.id}/preview",
    )


def bundled_body(name: str, digest: str | None) -> VoiceBody:
    """Convert a bundled voice to its body."""
    return VoiceBody(
        id=name,
        name=name,
        state=VoiceState.READY,
        is_bundled=True,
        tags=[],
        delivery=None,
        consent=None,
        duration_s=None,
        recording_sha256=None,
        digest=digest,
        similarity=None,
        error=None,
        created_at=None,
        preview=f"/v1/voices/{name}/preview",
    )
