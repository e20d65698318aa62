"""Starts vLLM with T3: which of its many arguments are set, and why."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from vllm.engine.arg_utils import EngineArgs
from vllm.usage.usage_lib import UsageContext
from vllm.v1.engine.llm_engine import LLMEngine
from vllm.v1.executor import Executor

from worker.chatterbox.config import ChatterboxConfig
from worker.chatterbox.t3.conditioner import load_conditioner
from worker.chatterbox.t3.plugin import ATTENTION
from worker.chatterbox.t3.vllm_folder import write_vllm_folder
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.chatterbox.voice import Voice
from worker.engine.options import VLLM_REST_GB, ResolvedOptions
from worker.engine.sharing import OpenStream
from worker.engine.vllm_decoder import VllmDecoder

_BANK_ROWS = 256  # pairs of voice and exaggeration kept ready; beyond these, pairs take turns
_CPU_KV_BYTES = 1 << 30
_STEP_TOKENS = 4096  # room for 512 decoding utterances and a dozen new prompts
# A prompt adds a token for each of its text's, 25 to 120, as the conditioning is cached.
_JOINING_TOKENS = (32, 64, 96, 128, 192, 256, 320, 384, 448, 512)
_LEAST_LIMIT = 384  # beside half as many utterances, a smaller graph holds one prompt or two


def prepare_vllm(
    weights: Path,
    config: ChatterboxConfig,
    options: ResolvedOptions,
    open_stream: OpenStream | None,
) -> Callable[[], VllmDecoder]:
    """Read what T3 on vLLM needs; return a function that starts it on the calling thread.

    Raises: CheckpointError if the weights cannot be read.
    """
    folder = write_vllm_folder(
        weights, config.t3, config.storage, bank_rows=_BANK_ROWS, cache=options.cache_folder
    )
    conditioner = load_conditioner(weights, config.t3, config.storage)
    layout = PromptLayout.of(config.t3)
    start = partial(start_vllm, folder, layout, options, open_stream)

    return lambda: open_decoder(start(), layout, conditioner.encode, options, _BANK_ROWS)


def start_vllm(
    folder: Path,
    layout: PromptLayout,
    options: ResolvedOptions,
    open_stream: OpenStream | None = None,
    **overrides: Any,
) -> LLMEngine:
    """Start vLLM's engine in this process, on the thread that will use it.

    `open_stream` opens the stream on which this thread launches its kernels from now on; without it
    they would queue behind those of every other thread. `overrides` are arguments of vLLM's engine.
    """
    if open_stream is not None:
        torch.cuda.set_stream(open_stream())
    arguments = engine_arguments(folder, layout, options) | overrides
    config = EngineArgs(**arguments).create_engine_config(UsageContext.ENGINE_CONTEXT)
    return LLMEngine(
        vllm_config=config,
        executor_class=Executor.get_class(config),
        log_stats=not arguments["disable_log_stats"],
        multiprocess_mode=False,
    )


def open_decoder(
    engine: LLMEngine,
    layout: PromptLayout,
    encode_conditioning: Callable[[Voice, float], Tensor],
    options: ResolvedOptions,
    bank_rows: int,
    **more: Any,
) -> VllmDecoder:
    """Capture graphs of steps that read prompts, on the thread that started the engine, and open.

    `more` are arguments of the decoder.
    """
    return VllmDecoder(
        engine,
        layout,
        encode_conditioning,
        slots=options.t3_slots,
        bank_rows=bank_rows,
        step_tokens=_capture_joining_steps(engine, options),
        **more,
    )


def _capture_joining_steps(engine: LLMEngine, options: ResolvedOptions) -> int:
    """Return the tokens of the largest step to which prompts should be limited; 0 for no limit."""
    sizes = joining_sizes(options.t3_slots) if options.device != "cpu" else []
    if not sizes:
        return 0
    [largest] = engine.collective_rpc("capture_joining_steps", args=(sizes,))
    return largest if largest >= _LEAST_LIMIT else 0


def engine_arguments(
    folder: Path, layout: PromptLayout, options: ResolvedOptions
) -> dict[str, Any]:
    """Return the arguments of vLLM's engine for T3."""
    arguments: dict[str, Any] = {
        "model": str(folder),
        "skip_tokenizer_init": True,  # the checkpoint's own tokenizer makes the text tokens
        "generation_config": "vllm",  # ignore sampling defaults in the folder
        "dtype": options.precision,
        "max_model_len": layout.max_length,
        "max_num_seqs": options.t3_slots,
        "enable_prefix_caching": True,  # one voice's conditioning serves all of its chunks
        "worker_extension_cls": "worker.chatterbox.t3.vllm_model.T3Worker",
        "disable_log_stats": True,
    }
    return arguments | (_on_cuda(options) if options.device != "cpu" else _on_cpu(layout))


def graph_sizes(slots: int) -> list[int]:
    """Choose the batch sizes to capture, so that a step with all slots taken has a graph.

    vLLM's own sizes are multiples of 16 and may end below the number of slots.
    """
    even = [*range(8, 64, 8), *range(64, slots, 16)]
    return sorted({size for size in (1, 2, 4, *even, slots) if size <= slots})


def joining_sizes(slots: int) -> list[int]:
    """Choose numbers of tokens of the steps that read prompts and have a graph.

    vLLM's graphs write their logits to a buffer with a row for each slot.
    """
    return [size for size in _JOINING_TOKENS if size <= slots]


def _on_cpu(layout: PromptLayout) -> dict[str, Any]:
    return {
        "enforce_eager": True,
        "kv_cache_memory_bytes": _CPU_KV_BYTES,
        # A seeded request whose prompt is split kills vLLM on a CPU (its generators cannot be
        # rewound), so a step has room for any prompt whole.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": layout.max_length,
    }


def _on_cuda(options: ResolvedOptions) -> dict[str, Any]:
    total_gb = torch.cuda.get_device_properties(options.device).total_memory / 1e9
    return {
        "max_num_batched_tokens": _STEP_TOKENS,
        "attention_backend": ATTENTION,
        "cudagraph_capture_sizes": graph_sizes(options.t3_slots),
        # The cache gets a size and not a share of the device, because the sound stage needs the
        # rest.
        "kv_cache_memory_bytes": int(options.kv_cache_gb * 1e9),
        # When the cache size is set, vLLM only checks that this share is free at the start.
        "gpu_memory_utilization": min(0.9, (options.kv_cache_gb + VLLM_REST_GB) / total_gb),
    }
