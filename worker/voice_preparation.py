"""Preparing a voice: the recording that was uploaded becomes the conditioning the model needs."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from narration.errors import InputError, TransientError
from narration.storage.keys import conditioning_key
from narration.voices.claim import claim_voice, mark_voice_failed, mark_voice_ready, release_voice
from narration.voices.record import Voice as VoiceRow
from worker.context import WorkerContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from narration.sound.waveform import Waveform
    from worker.chatterbox.voice import Voice

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMaker:
    """The model's functions that know how a voice is made, kept, and told from others."""

    make: "Callable[[Path], Voice]"  # from a recording
    save: "Callable[[Voice, Path], None]"
    # How alike a waveform and the recording of a voice sound, by what identifies a speaker.
    compare: "Callable[[Voice, Waveform], float]"


class Speaker(Protocol):
    """Speaks fixed sentences with a voice that was just made."""

    def find(self, owner: str, voice: "Voice") -> object:
        """Measure its level, for the jobs that will speak with it."""

    def speak(self, voice: "Voice") -> "Waveform | None":
        """Return a sentence; None if the engine makes none of it."""


def prepare_voice(
    context: WorkerContext,
    voice_maker: VoiceMaker,
    speaker: Speaker,
    voice_id: str,
) -> None:
    """Make the conditioning of a voice and measure its level, or note why it cannot be made.

    Making it is a pure function of the recording: two workers that do it at once harm nobody.
    """
    with context.session() as session:
        row = claim_voice(session, voice_id, until=context.leases.until(), now=context.clock())
    if row is None:
        return
    try:
        voice = _make(context, voice_maker, row)
        speaker.find(row.owner, voice)
        spoken = speaker.speak(voice)
        similarity = None if spoken is None else voice_maker.compare(voice, spoken)
    except TransientError as error:
        _defer(context, row, error)
    except InputError as error:
        with context.session() as session:
            mark_voice_failed(session, row.id, str(error))
        log.info("voice_failed", voice_id=row.id, reason=str(error))
    else:
        with context.session() as session:
            key = conditioning_key(row.id)
            mark_voice_ready(
                session,
                row.id,
                digest=voice.digest,
                conditioning_key=key,
                similarity=similarity,
            )
        log.info("voice_ready", voice_id=row.id, similarity=similarity)


def _make(context: WorkerContext, voice_maker: VoiceMaker, row: VoiceRow) -> "Voice":
    with tempfile.TemporaryDirectory() as folder:
        recording, conditioning = Path(folder, "recording"), Path(folder, "conditioning.pt")
        recording.write_bytes(context.stores.work.get(row.recording_key))
        voice = voice_maker.make(recording)
        voice_maker.save(voice, conditioning)
        context.stores.work.put(conditioning_key(row.id), conditioning)
    return voice


def _defer(context: WorkerContext, row: VoiceRow, error: TransientError) -> None:
    with context.session() as session:
        if row.tries >= context.settings.step_tries:
            mark_voice_failed(session, row.id, str(error))
        else:
            release_voice(session, row.id, not_before=context.retry_at(row.tries))
    log.warning("voice_deferred", voice_id=row.id, tries=row.tries, reason=str(error))
