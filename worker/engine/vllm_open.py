"""Puts T3 on vLLM together: folder, engine, conditioning, token stage."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from worker.chatterbox.config import ChatterboxConfig
from worker.chatterbox.t3.conditioner import load_conditioner
from worker.chatterbox.t3.vllm_folder import write_vllm_folder
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.engine.options import ResolvedOptions
from worker.engine.sharing import Sharing
from worker.engine.vllm_core import open_async_core, open_thread_core
from worker.engine.vllm_stage import Core, VllmStage

_BANK_ROWS = 256  # voices and exaggerations at hand; more take turns


def open_vllm_stage(
    weights: Path,
    config: ChatterboxConfig,
    options: ResolvedOptions,
    sharing: Sharing,
) -> tuple[VllmStage, int]:
    """Start vLLM on T3's weights; return the stage and the longest text it reads, in tokens.

    On a thread it computes where `sharing` says, and asks its backlog before each step.

    Raises: CheckpointError if the weights cannot be read.
    """
    layout = PromptLayout.of(config.t3)
    folder = write_vllm_folder(
        weights, config.t3, config.storage, bank_rows=_BANK_ROWS, cache=options.cache_folder
    )
    conditioner = load_conditioner(weights, config.t3, config.storage)
    open_core = choose_core(options, sharing)
    stage = VllmStage(
        partial(open_core, folder, layout, options), layout, conditioner.encode, _BANK_ROWS
    )
    return stage, layout.max_text_tokens


def choose_core(options: ResolvedOptions, sharing: Sharing) -> Callable[..., Core]:
    """Choose where vLLM's engine lives; only on a thread does it share anything."""
    if options.vllm_core == "process":
        return open_async_core
    return partial(open_thread_core, sharing=sharing)
