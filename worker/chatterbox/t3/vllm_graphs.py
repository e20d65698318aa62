"""CUDA graphs of the steps of T3 in which utterances join, for vLLM's second model runner.

vLLM captures whole steps only where each sequence adds one token. Of a step that reads a prompt it
captures what lies between the attention layers, and the host launches their kernels one by one,
thirty times: 13 ms for a short prompt, when a step without one takes 1.5
(docs/decisions/0030-graphs-of-steps-that-read-prompts.md).
"""

from collections.abc import Sequence
from typing import Any

from vllm.config.compilation import CUDAGraphMode
from vllm.v1.worker.gpu.cudagraph_utils import BatchExecutionDescriptor


def capture_joining_steps(runner: Any, sizes: Sequence[int]) -> int:
    """Capture steps of so many tokens each in which sequences may add several; return the largest.

    They run attention for all sequences with vLLM's kernel, which reads from tensors how many
    tokens each one adds: our own needs steps in which the first ones add one each.
    """
    manager = runner.cudagraph_manager
    own = manager._capture_descs  # noqa: SLF001 - vLLM has no public way to capture more
    if CUDAGraphMode.FULL not in own:
        return 0  # a configuration without graphs of whole steps
    joining = [
        BatchExecutionDescriptor(
            cg_mode=CUDAGraphMode.FULL,
            num_tokens=tokens,
            # At least two tokens each, so that the step is captured as one that reads prompts.
            num_reqs=tokens // 2,
        )
        for tokens in sorted(sizes)
    ]
    manager._capture_descs = {CUDAGraphMode.FULL: joining[::-1]}  # noqa: SLF001
    try:
        runner.capture_model()
    finally:
        manager._capture_descs = own  # noqa: SLF001
    candidates = manager._candidates  # noqa: SLF001
    for (tokens, adapters), known in candidates.items():
        # The first that fits is taken: steps without a prompt keep their graphs.
        fit = [one for one in joining if one.num_tokens >= tokens]
        decoding = [one for one in known if one.cg_mode is CUDAGraphMode.FULL]
        others = [one for one in known if one.cg_mode is not CUDAGraphMode.FULL]
        candidates[tokens, adapters] = [*decoding, *fit, *others]
    return max(sizes)
