"""Starts vLLM with T3 on it: which of its many arguments we set, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from vllm.engine.arg_utils import AsyncEngineArgs, EngineArgs
from vllm.usage.usage_lib import UsageContext
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.llm_engine import LLMEngine
from vllm.v1.executor import Executor

from worker.chatterbox.t3.plugin import ATTENTION
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.engine.options import VLLM_REST_GB, ResolvedOptions
from worker.engine.sharing import OpenStream, Sharing, share_card
from worker.engine.vllm_thread import ThreadCore

_CPU_KV_BYTES = 1 << 30
_STEP_TOKENS = 4096  # room for 512 decoding utterances and a dozen new prompts


def open_async_core(
    folder: Path, layout: PromptLayout, options: ResolvedOptions, **overrides: Any
) -> AsyncLLM:
    """Start vLLM's engine in a process of its own; call inside the event loop that will use it."""
    arguments = engine_arguments(folder, layout, options) | overrides
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))


def open_thread_core(
    folder: Path,
    layout: PromptLayout,
    options: ResolvedOptions,
    sharing: Sharing | None = None,
    **overrides: Any,
) -> ThreadCore:
    """Start vLLM's engine on a thread of this process; call inside the event loop.

    `sharing`: where to compute, and what to ask before each step.
    """
    sharing = sharing or share_card(options)
    arguments = engine_arguments(folder, layout, options) | overrides

    def make_engine() -> LLMEngine:
        if sharing.open_t3 is not None:
            # Not everybody's: what other threads do there would stand in line with the steps.
            torch.cuda.set_stream(sharing.open_t3())
        config = EngineArgs(**arguments).create_engine_config(UsageContext.ENGINE_CONTEXT)
        with _captures_on(sharing.open_t3):
            return LLMEngine(
                vllm_config=config,
                executor_class=Executor.get_class(config),
                log_stats=not arguments["disable_log_stats"],
                multiprocess_mode=False,
            )

    backlog = None if sharing.open_t3 is None else sharing.backlog
    return ThreadCore(make_engine, arguments["max_num_seqs"], backlog)


@contextmanager
def _captures_on(open_stream: OpenStream | None) -> Iterator[None]:
    """Have vLLM capture its steps of one token each on a stream; a graph keeps its priority."""
    everybodys = torch.cuda.graph.default_capture_stream
    if open_stream is not None:
        torch.cuda.graph.default_capture_stream = open_stream()
    try:
        yield
    finally:
        torch.cuda.graph.default_capture_stream = everybodys


def engine_arguments(
    folder: Path, layout: PromptLayout, options: ResolvedOptions
) -> dict[str, Any]:
    """Return the arguments of vLLM's engine for T3."""
    arguments: dict[str, Any] = {
        "model": str(folder),
        "skip_tokenizer_init": True,  # text tokens are ours
        "generation_config": "vllm",  # no defaults but ours
        "dtype": options.precision,
        "max_model_len": layout.max_length,
        "max_num_seqs": options.t3_slots,
        "enable_prefix_caching": True,  # one voice's conditioning serves all of its chunks
        "worker_extension_cls": "worker.chatterbox.t3.vllm_model.ConditioningBank",
        "disable_log_stats": True,
    }
    return arguments | (_on_cuda(options) if options.device != "cpu" else _on_cpu(layout))


def _graph_sizes(slots: int) -> list[int]:
    """Choose the batches to capture; with all slots taken a step must not fall back to launching.

    vLLM's own are multiples of 16 and end below a number of slots that is not.
    """
    even = [*range(8, 64, 8), *range(64, slots, 16)]
    return sorted({size for size in (1, 2, 4, *even, slots) if size <= slots})


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
        "cudagraph_capture_sizes": _graph_sizes(options.t3_slots),
        # The size of the cache, not a share of the card: the vocoder's part is ours to keep.
        "kv_cache_memory_bytes": int(options.kv_cache_gb * 1e9),
        # Then this is only what must be free at the start.
        "gpu_memory_utilization": min(0.9, (options.kv_cache_gb + VLLM_REST_GB) / total_gb),
    }
