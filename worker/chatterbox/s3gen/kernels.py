"""Operators as single GPU kernels, for which torch.compile would generate several, or fail."""

from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

_HOPPER = 9


@torch.library.custom_op("rhapsode::attend_rows", mutates_args=())
def attend_rows(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, longest: int) -> Tensor:
    """Attend within concatenated rows, in half precision.

    Shapes: query, key, value (N, heads, E); offsets (rows + 1,) int32 -> (N, heads, E).
    """
    flash = _find_flash_attention_3()
    if flash is None:
        return _by_torch(query, key, value, offsets, longest)
    # One split: there are enough rows to fill the GPU, and splits would need a reduction.
    joint = {"cu_seqlens_q": offsets, "cu_seqlens_k": offsets, "num_splits": 1, "fa_version": 3}
    return cast(
        "Tensor", flash(query, key, value, max_seqlen_q=longest, max_seqlen_k=longest, **joint)
    )


@attend_rows.register_fake
def _(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, longest: int) -> Tensor:
    del key, value, offsets, longest
    return query.new_empty(query.shape)


@torch.library.custom_op("rhapsode::linear_gelu", mutates_args=())
def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a linear layer and GELU by its tanh formula, as the epilogue of the matrix product.

    The formula's error is at most 0.0005, an eighth of bfloat16's rounding step at one.
    Shapes: x (N, D); weight (D', D); bias (D',) -> (N, D').
    """
    return torch._addmm_activation(bias, x, weight.t(), use_gelu=True)  # noqa: SLF001 - it has no public name


@linear_gelu.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    del bias
    return x.new_empty(x.shape[0], weight.shape[0])


def rise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a linear layer and GELU. Shapes: as `linear_gelu`."""
    if x.is_cuda and x.dtype != torch.float32:
        return linear_gelu(x, weight, bias)
    return F.gelu(F.linear(x, weight, bias))


def _by_torch(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, longest: int) -> Tensor:
    # It imports torch's compiler, which takes longer than loading a small model; a CPU needs none.
    from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415

    return cast("Tensor", varlen_attn(query, key, value, offsets, offsets, longest, longest))


@cache
def _find_flash_attention_3() -> Any | None:
    """Find vLLM's kernel for Hopper GPUs, a third faster than torch's."""
    if torch.cuda.get_device_capability()[0] != _HOPPER:
        return None
    try:
        from vllm.vllm_flash_attn import flash_attn_varlen_func  # noqa: PLC0415 - vLLM may be missing
    except ImportError:
        return None
    return flash_attn_varlen_func
