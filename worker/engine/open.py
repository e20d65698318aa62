"""Opens a checkpoint as a speech engine: chooses the back end and puts the stages together."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from worker.chatterbox.checkpoint import T3_FILE, Chatterbox, load_chatterbox
from worker.chatterbox.t3.decoder import Decoder
from worker.chatterbox.watermark import load_watermarker
from worker.engine.admission import Admission
from worker.engine.options import DRIVER_GB, VLLM_REST_GB, EngineOptions, ResolvedOptions, resolve
from worker.engine.pipeline import PipelineEngine
from worker.engine.renderer import TorchRenderer
from worker.engine.request import make_prompt
from worker.engine.sharing import Sharing, share_card
from worker.engine.slot_stage import SlotStage
from worker.engine.sound_stage import SoundStage
from worker.engine.stage import TokenStage

_CORES_BESIDE_GPU = 4
_SOUND_THREADS = 2  # a CPU has work for both; beside a GPU one draws noise while one launches


def open_engine(checkpoint: Path | Chatterbox, options: EngineOptions) -> PipelineEngine:
    """Load the networks and start the engine's threads; close it, or use it in a `with`.

    Raises: CheckpointError or SettingsError if the checkpoint or the options cannot be used.
    """
    resolved = resolve(options)
    limit_memory(resolved)
    chatterbox = _load(checkpoint, resolved) if isinstance(checkpoint, Path) else checkpoint
    watermarker = load_watermarker(resolved.device) if resolved.is_watermarked else None
    sharing = share_card(resolved)
    renderer = TorchRenderer(
        chatterbox.flow, chatterbox.vocoder, watermarker, resolved, sharing.open_sound
    )
    tokens, max_text_tokens = _TOKEN_STAGES[resolved.back_end](chatterbox, resolved, sharing)
    admission = Admission(resolved.queue_limit)
    return PipelineEngine(
        partial(
            make_prompt,
            tokenizer=chatterbox.tokenizer,
            config=chatterbox.config,
            max_text_tokens=max_text_tokens,
        ),
        tokens,
        start_sound_stage(renderer, admission, sharing, resolved),
        admission,
    )


def limit_memory(options: ResolvedOptions) -> None:
    """Hold this process to its share of the card.

    A vocoder batch that does not fit then fails, and is split, before other programs suffer.
    """
    if options.device == "cpu":
        return
    total = torch.cuda.get_device_properties(options.device).total_memory
    own_gb = options.gpu_memory_gb - DRIVER_GB
    if options.back_end == "vllm" and options.vllm_core == "process":
        own_gb -= options.kv_cache_gb + VLLM_REST_GB + DRIVER_GB
    card = torch.device(options.device).index or 0
    torch.cuda.set_per_process_memory_fraction(own_gb * 1e9 / total, card)


def _load(folder: Path, options: ResolvedOptions) -> Chatterbox:
    return load_chatterbox(folder, options.device, t3_dtype=getattr(torch, options.precision))


def cores(options: ResolvedOptions) -> int:
    """Give each stage half of a CPU, and beside a GPU a few cores.

    Two kernel teams as large as the machine slow each other down, since they wait for their slowest
    member by spinning: forty times slower was seen with two on two busy cores. Teams of one do not
    spin, so three threads on two cores are fine. Beside a GPU there is little to share out.
    """
    return max(1, torch.get_num_threads() // 2) if options.device == "cpu" else _CORES_BESIDE_GPU


def start_sound_stage(
    renderer: TorchRenderer, admission: Admission, sharing: Sharing, options: ResolvedOptions
) -> SoundStage:
    """Start the sound stage; its share of the cores goes to several batches at once."""
    return SoundStage(
        renderer,
        options.vocoder_batch,
        lambda: admission.inside,
        cores=max(1, cores(options) // _SOUND_THREADS),
        threads=_SOUND_THREADS,
        on_waiting=sharing.backlog.update,
    )


def _torch_stage(
    chatterbox: Chatterbox, options: ResolvedOptions, _: Sharing
) -> tuple[TokenStage, int]:
    decoder = Decoder(chatterbox.t3, options.t3_slots)
    return SlotStage(decoder, cores(options)), chatterbox.config.t3.text_positions


def _vllm_stage(
    chatterbox: Chatterbox, options: ResolvedOptions, sharing: Sharing
) -> tuple[TokenStage, int]:
    # Imported here: vLLM is heavy, and not installed where the other back end is used.
    from worker.engine.vllm_open import open_vllm_stage  # noqa: PLC0415

    return open_vllm_stage(chatterbox.folder / T3_FILE, chatterbox.config, options, sharing)


_TOKEN_STAGES: dict[
    str, Callable[[Chatterbox, ResolvedOptions, Sharing], tuple[TokenStage, int]]
] = {
    "torch": _torch_stage,
    "vllm": _vllm_stage,
}
