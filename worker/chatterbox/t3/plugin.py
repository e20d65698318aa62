"""Tells vLLM that T3 exists; every vLLM process calls `register` before anything else.

Imports nothing at the top, so that no process loads a GPU library for it.
"""

ARCHITECTURE = "ChatterboxT3"


def register() -> None:
    """Register T3 by name; may be called again and again."""
    # Only vLLM's processes call this.
    from vllm import ModelRegistry  # noqa: PLC0415

    ModelRegistry.register_model(ARCHITECTURE, "worker.chatterbox.t3.vllm_model:ChatterboxT3")
