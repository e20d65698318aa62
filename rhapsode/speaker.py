"""Opens the model of the settings as a speaker: engine, identity, voices. Loads torch."""

from pathlib import Path

import torch
from worker.chatterbox.hub import resolve_model

from narration.recording import RecordingLimits, read_recording
from narration.settings import ModelSettings, Settings
from worker.chatterbox.checkpoint import Chatterbox, load_chatterbox
from worker.chatterbox.reference import prepare_voice
from worker.chatterbox.voice import Voice, load_voice, save_voice
from worker.recipe import EngineIdentity
from worker.speech.open import open_engine
from worker.speech.options import EngineOptions, ResolvedOptions, resolve
from worker.station import Speaker
from worker.voicing import Voicing


def open_speaker(settings: Settings) -> Speaker:
    """Load the checkpoint and start its engine.

    Raises: CheckpointError, SettingsError or NotFoundError if it cannot be used as asked.
    """
    model = settings.model
    options = engine_options(model, cache_folder=settings.data_dir / "engine")
    resolved = resolve(options)
    folder = resolve_model(model.checkpoint)
    chatterbox = load_chatterbox(
        folder, resolved.device, t3_dtype=getattr(torch, resolved.precision)
    )
    limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)

    def make(recording: Path) -> Voice:
        return prepare_voice(
            read_recording(recording, limits), chatterbox, chatterbox.config.t3.prompt_tokens
        )

    return Speaker(
        engine=open_engine(chatterbox, options),
        identity=_identity(model.checkpoint, chatterbox, resolved),
        bundled=chatterbox.voices,
        load=load_voice,
        voicing=Voicing(make=make, save=save_voice),
    )


def engine_options(model: ModelSettings, *, cache_folder: Path) -> EngineOptions:
    """Translate the settings into what the engine is told."""
    return EngineOptions(
        device=model.device,
        back_end=model.back_end,
        precision=model.precision,
        t3_slots=model.t3_slots,
        vocoder_batch=model.vocoder_batch,
        is_watermarked=model.is_watermarked,
        gpu_memory_gb=model.gpu_memory_gb,
        cache_folder=cache_folder,
    )


def _identity(checkpoint: str, chatterbox: Chatterbox, resolved: ResolvedOptions) -> EngineIdentity:
    return EngineIdentity(
        model=Path(checkpoint).name,
        revision=chatterbox.revision,
        back_end=resolved.back_end,
        precision=resolved.precision,
        device=resolved.device.partition(":")[0],
        is_watermarked=resolved.is_watermarked,
    )
