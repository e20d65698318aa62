"""Registers T3 with vLLM; every vLLM process calls `register` before anything else.

Imports nothing at module level, so that no process loads a GPU library because of it.
"""

ARCHITECTURE = "ChatterboxT3"
ATTENTION = "CUSTOM"  # vLLM's name for an attention backend that a plugin provides


def register() -> None:
    """Register T3 and its attention by name; safe to call more than once."""
    # Only vLLM's processes call this.
    from vllm import ModelRegistry  # noqa: PLC0415
    from vllm.v1.attention.backends.registry import (  # noqa: PLC0415
        AttentionBackendEnum,
        register_backend,
    )

    ModelRegistry.register_model(ARCHITECTURE, "worker.chatterbox.t3.vllm_model:ChatterboxT3")
    register_backend(
        AttentionBackendEnum[ATTENTION], "worker.chatterbox.t3.vllm_attention.T3AttentionBackend"
    )
