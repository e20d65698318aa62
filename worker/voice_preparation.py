"""Prepares a voice: turns an uploaded recording into the conditioning that the model needs."""

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
    """The model's functions to make, save and compare voices."""

    make: "Callable[[Path], Voice]"  # from a recording
    save: "Callable[[Voice, Path], None]"
    # How similar a waveform and a voice's recording sound, by their speaker embeddings.
    compare: "Callable[[Voice, Waveform], float]"


class Speaker(Protocol):
    """Speaks fixed sentences with a new voice."""

    def find(self, owner: str, voice: "Voice") -> object:
        """Measure the voice's level, for the jobs that will use it."""

    def speak(self, voice: "Voice") -> "Waveform | None":
        """Return a spoken sentence; None if the engine cannot speak it."""


def prepare_voice(
    context: WorkerContext,
    voice_maker: VoiceMaker,
    speaker: Speaker,
    voice_id: str,
) -> None:
    """Make the conditioning of a voice and measure its level, or record why it cannot be made.

    The conditioning is a pure function of the recording, so two workers may make it at once.
    """
    with context.session() as session:
        row = claim_voice(session, voice_id, until=context.leases.until(), now=context.clock())
    if row is None:
        return
    try:
        voice = _make(context, voice_maker, row)
        speaker.find(row.owner, voice)
        sample = speaker.speak(voice)
        similarity = None if sample is None else voice_maker.compare(voice, sample)
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
