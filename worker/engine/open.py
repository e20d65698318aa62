"""Builds a speech engine from a checkpoint's networks."""

import sys
from collections.abc import Callable
from functools import partial

import torch

from narration.environment import set_for_library
from worker.chatterbox.checkpoint import T3_FILE, Chatterbox
from worker.chatterbox.t3.decoder import Decoder
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.chatterbox.watermark import load_watermarker
from worker.engine.admission import FIRST, Admission
from worker.engine.options import DRIVER_GB, ResolvedOptions
from worker.engine.pipeline import PipelineEngine
from worker.engine.renderer import TorchRenderer
from worker.engine.request import make_prompt
from worker.engine.sharing import Sharing, share_device
from worker.engine.slot_stage import SlotStage
from worker.engine.sound_stage import SoundStage

_CORES_BESIDE_GPU = 4
# oneDNN keeps each operation that it compiled for a shape, 1,024 unless this says otherwise.
# Every chunk has shapes of its own, so a server's memory grew while it spoke, and speaking was
# no faster for it. Read when the first operation runs.
_OPERATIONS_KEPT = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
# How long a thread may keep the interpreter, by default 5 ms. T3 lets go of it dozens of times a
# step, and waited that long each time another thread computed: with a worker's threads in its
# process a step of 2 ms took 35 ms, and with this 6 ms. On a CPU it makes no difference.
_SWITCH_INTERVAL_S = 0.0005
RESERVED_SHARE = 16  # one slot in this many is reserved for utterances that are heard soon
_SOUND_THREADS = (
    2  # on a CPU both compute; beside a GPU one draws noise while the other launches kernels
)


def open_engine(
    chatterbox: Chatterbox, options: ResolvedOptions, *, first: int = FIRST
) -> PipelineEngine:
    """Load the networks and start the engine's threads; close it, or use it in a `with`.

    `first`: how many utterances an idle engine admits; see Admission.

    The networks are loaded on demand and converted to the options' precision, so a checkpoint
    object serves one engine.
    Raises: CheckpointError if the checkpoint cannot be used.
    """
    limit_memory(options)
    shorten_switch_interval()
    watermarker = load_watermarker(options.device) if options.is_watermarked else None
    sharing = share_device(options)
    renderer = TorchRenderer(chatterbox.flow, chatterbox.vocoder, watermarker, options, sharing)
    tokens, max_text_tokens = _TOKEN_STAGES[options.back_end](chatterbox, options, sharing)
    admission = Admission(options.queue_limit, first=first)
    return PipelineEngine(
        partial(
            make_prompt,
            tokenizer=chatterbox.tokenizer,
            config=chatterbox.config,
            max_text_tokens=max_text_tokens,
        ),
        tokens,
        start_sound_stage(renderer, admission, sharing, options),
        admission,
    )


def shorten_switch_interval() -> None:
    """Let no thread of this process keep the interpreter for long while another needs it."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)


def limit_memory(options: ResolvedOptions) -> None:
    """Hold this process to its share of the device.

    A vocoder batch that does not fit then fails, and is split, before other programs suffer.
    """
    if options.device == "cpu":
        set_for_library(*_OPERATIONS_KEPT)
        return
    total = torch.cuda.get_device_properties(options.device).total_memory
    index = torch.device(options.device).index or 0
    own_gb = options.gpu_memory_gb - DRIVER_GB
    torch.cuda.set_per_process_memory_fraction(own_gb * 1e9 / total, index)


def cores(options: ResolvedOptions) -> int:
    """Return the CPU cores for each stage: half of a CPU, and beside a GPU a few.

    Two thread pools that each span the whole machine slow each other down, because their threads
    spin while they wait for the slowest: two pools on two busy cores ran forty times slower. A pool
    of one thread does not spin, so three such pools on two cores are fine. Beside a GPU the CPU has
    little to compute.
    """
    return max(1, torch.get_num_threads() // 2) if options.device == "cpu" else _CORES_BESIDE_GPU


def start_sound_stage(
    renderer: TorchRenderer, admission: Admission, sharing: Sharing, options: ResolvedOptions
) -> SoundStage:
    """Start the sound stage; its cores are divided among its threads."""
    return SoundStage(
        renderer,
        options.vocoder_batch,
        lambda: admission.inside,
        cores=max(1, cores(options) // _SOUND_THREADS),
        threads=_SOUND_THREADS,
        backlog=sharing.backlog,
    )


def _torch_stage(
    chatterbox: Chatterbox, options: ResolvedOptions, _: Sharing
) -> tuple[SlotStage, int]:
    t3 = chatterbox.t3.to(getattr(torch, options.precision))
    stage = SlotStage(partial(Decoder, t3, options.t3_slots), cores=cores(options))
    return stage, chatterbox.config.t3.text_positions


def _vllm_stage(
    chatterbox: Chatterbox, options: ResolvedOptions, sharing: Sharing
) -> tuple[SlotStage, int]:
    # Imported here: vLLM is heavy, and not installed where the other back end is used.
    from worker.engine.vllm_open import prepare_vllm  # noqa: PLC0415

    weights, config = chatterbox.folder / T3_FILE, chatterbox.config
    open_decoder = prepare_vllm(weights, config, options, sharing.open_t3_stream)
    stage = SlotStage(
        open_decoder, backlog=sharing.backlog, reserved=options.t3_slots // RESERVED_SHARE
    )
    return stage, PromptLayout.of(config.t3).max_text_tokens


_TOKEN_STAGES: dict[
    str, Callable[[Chatterbox, ResolvedOptions, Sharing], tuple[SlotStage, int]]
] = {
    "torch": _torch_stage,
    "vllm": _vllm_stage,
}
