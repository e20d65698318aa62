"""Opens the real model as a speaker; of the tasks' side the only module that loads torch."""

from functools import partial
from pathlib import Path

from narration.settings import ModelSettings, Settings
from narration.voices.recording import RecordingLimits, read_recording
from worker.chatterbox.checkpoint import Chatterbox, load_chatterbox
from worker.chatterbox.hub import resolve_model
from worker.chatterbox.reference import prepare_voice
from worker.chatterbox.voice import Voice, load_voice, save_voice
from worker.engine.open import open_engine
from worker.engine.options import EngineOptions, resolve
from worker.process import Speaker
from worker.rendering.identity import EngineIdentity
from worker.voice_preparation import Voicing


def open_configured_model(settings: Settings) -> Speaker:
    """Find the checkpoint, load it and start its engine.

    Raises: NotFoundError, CheckpointError or SettingsError if it cannot be used as asked.
    """
    folder = resolve_model(settings.model.checkpoint)
    return open_model(folder, settings.model, cache_folder=settings.data_dir / "engine")


def open_model(folder: Path, settings: ModelSettings, *, cache_folder: Path) -> Speaker:
    """Load a checkpoint and start its engine.

    Raises: CheckpointError or SettingsError if the folder or the settings cannot be used.
    """
    options = EngineOptions(
        device=settings.device,
        back_end=settings.back_end,
        precision=settings.precision,
        t3_slots=settings.t3_slots,
        vocoder_batch=settings.vocoder_batch,
        is_watermarked=settings.is_watermarked,
        gpu_memory_gb=settings.gpu_memory_gb,
        cache_folder=cache_folder,
    )
    resolved = resolve(options)
    chatterbox = load_chatterbox(folder, resolved.device)
    identity = EngineIdentity(
        model=Path(settings.checkpoint).name,
        revision=chatterbox.revision,
        back_end=resolved.back_end,
        precision=resolved.precision,
        device=resolved.device.partition(":")[0],
        is_watermarked=resolved.is_watermarked,
    )
    return Speaker(
        engine=open_engine(folder, options),
        # T3's, and of the sound stage a batch under way and the next.
        appetite=resolved.t3_slots + 2 * resolved.vocoder_batch,
        identity=identity,
        bundled=chatterbox.voices,
        load=load_voice,
        voicing=Voicing(make=partial(_make, chatterbox), save=save_voice),
    )


def _make(chatterbox: Chatterbox, recording: Path) -> Voice:
    weighed = RecordingLimits(max_size_bytes=recording.stat().st_size)  # when it was taken in
    prompt_tokens = chatterbox.config.t3.prompt_tokens
    return prepare_voice(read_recording(recording, weighed), chatterbox, prompt_tokens)
