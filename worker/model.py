"""Opens the checkpoint that the settings name as a worker's engine. Loads torch."""

from functools import partial
from pathlib import Path

import torch

from narration.engine import EngineIdentity
from narration.settings import ModelSettings, Settings
from narration.voices.recording import RecordingLimits, read_recording
from worker.cards import lock_descriptors
from worker.chatterbox.checkpoint import Chatterbox, load_chatterbox
from worker.chatterbox.hub import resolve_model
from worker.chatterbox.reference import compare_speakers, voice_from_recording
from worker.chatterbox.voice import Voice, load_voice, save_voice
from worker.engine.admission import FIRST
from worker.engine.open import open_engine, shorten_switch_interval
from worker.engine.options import EngineOptions, ResolvedOptions, resolve
from worker.engine_process.client import start_engine
from worker.engine_process.messages import Start
from worker.process import LoadedModel
from worker.voice_preparation import VoiceMaker


def load_model(settings: Settings) -> LoadedModel:
    """Find the checkpoint, load it and start its engine, on a GPU in a process of its own.

    Raises: NotFoundError, CheckpointError or SettingsError if it cannot be used with these
    settings; EngineDied if that process ends before it can speak.
    """
    folder = resolve_model(settings.model.checkpoint)
    cache_folder = settings.data_dir / "engine"
    if not has_own_process(settings.model):
        return open_model(folder, settings.model, engine_options(settings.model, cache_folder))
    start = Start(
        folder=folder,
        cache_folder=cache_folder,
        model=settings.model,
        telemetry=settings.telemetry,
    )
    shorten_switch_interval()  # a thread that passes a sound on waits for one that computes
    engine, loaded = start_engine(start, kept_open=lock_descriptors())
    return LoadedModel(
        engine=engine,
        target_concurrency=loaded.target_concurrency,
        identity=loaded.identity,
        bundled=loaded.voices,
        load=load_voice,
        voice_maker=VoiceMaker(make=engine.make_voice, save=save_voice, compare=engine.compare),
    )


def has_own_process(settings: ModelSettings) -> bool:
    """Tell whether the engine gets a process of its own: unless set otherwise, on a GPU."""
    if settings.has_own_process is not None:
        return settings.has_own_process
    if settings.device == "auto":
        return torch.cuda.is_available()
    return settings.device.startswith("cuda")


def engine_options(settings: ModelSettings, cache_folder: Path) -> ResolvedOptions:
    """Choose the engine's options. Raises: SettingsError."""
    return resolve(
        EngineOptions(
            device=settings.device,
            back_end=settings.back_end,
            precision=settings.precision,
            t3_slots=settings.t3_slots,
            vocoder_batch=settings.vocoder_batch,
            is_watermarked=settings.is_watermarked,
            gpu_memory_gb=settings.gpu_memory_gb,
            cache_folder=cache_folder,
        )
    )


def open_model(
    folder: Path, settings: ModelSettings, options: ResolvedOptions, *, first: int = FIRST
) -> LoadedModel:
    """Load a checkpoint and start its engine in this process; `first`: see open_engine.

    Raises: CheckpointError if the folder cannot be used.
    """
    chatterbox = load_chatterbox(folder, options.device)
    identity = EngineIdentity(
        model=Path(settings.checkpoint).name,
        revision=chatterbox.revision,
        back_end=options.back_end,
        precision=options.precision,
        device=options.device.partition(":")[0],
        is_watermarked=options.is_watermarked,
    )
    return LoadedModel(
        engine=open_engine(chatterbox, options, first=first),
        # T3's slots, and two batches of the sound stage: the current one and the next.
        target_concurrency=options.t3_slots + 2 * options.vocoder_batch,
        identity=identity,
        bundled=chatterbox.voices,
        load=load_voice,
        voice_maker=VoiceMaker(
            make=partial(_make, chatterbox),
            save=save_voice,
            compare=partial(compare_speakers, networks=chatterbox),
        ),
    )


def _make(chatterbox: Chatterbox, recording: Path) -> Voice:
    limits = RecordingLimits(
        max_size_bytes=recording.stat().st_size
    )  # checked when it was uploaded
    prompt_tokens = chatterbox.config.t3.prompt_tokens
    return voice_from_recording(read_recording(recording, limits), chatterbox, prompt_tokens)
