"""Fuses what the vocoder computes between two convolutions into one kernel.

The kernel makes one pass over memory; plain PyTorch makes up to ten, which cost several times the
convolutions. Works on channels-last rows (B, L, C), the layout in which half-precision convolutions
are fastest. Needs Triton.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 1024
_LARGEST = 65504.0  # largest float16; loud passages are clamped to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """The summands: a convolution's output and bias, and up to two tensors of the same shape."""

    convolved: Tensor | None = None
    bias: Tensor | None = None
    beside: Tensor | None = None
    total: Tensor | None = None


def add_up(parts: Sum, lengths: Tensor) -> Tensor:
    """Sum the parts; the convolution's share ends where its row ends.

    Shapes: every part (B, L, C), bias (C,); lengths (B,) int32 -> (B, L, C).
    """
    return _launch(parts, lengths, None, is_sum_kept=True)[0]


def snake(parts: Sum, lengths: Tensor, alpha: Tensor) -> Tensor:
    """Sum the parts, then x + sin(a x)^2 / a. Shapes: as `add_up`; alpha (C,)."""
    return _launch(parts, lengths, alpha, is_sum_kept=False)[1]


def add_up_and_snake(parts: Sum, lengths: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum and its snake. Shapes: as `snake`."""
    return _launch(parts, lengths, alpha, is_sum_kept=True)


def _launch(
    parts: Sum, lengths: Tensor, alpha: Tensor | None, *, is_sum_kept: bool
) -> tuple[Tensor, Tensor]:
    tensors = [t for t in (parts.convolved, parts.beside, parts.total) if t is not None]
    like = tensors[0]
    if not all(t.is_contiguous() and t.shape == like.shape for t in tensors):
        raise ValueError("the kernel adds contiguous tensors of one shape")
    B, L, C = like.shape
    summed = torch.empty_like(like) if is_sum_kept else like
    bent = torch.empty_like(like) if alpha is not None else like
    _kernel[(triton.cdiv(L * C, _BLOCK), B)](
        parts.convolved if parts.convolved is not None else like,
        parts.bias if parts.bias is not None else like,
        parts.beside if parts.beside is not None else like,
        parts.total if parts.total is not None else like,
        alpha if alpha is not None else like,
        lengths,
        summed,
        bent,
        L * C,
        C=C,
        HAS_CONVOLVED=parts.convolved is not None,
        HAS_BESIDE=parts.beside is not None,
        HAS_TOTAL=parts.total is not None,
        KEEPS_SUM=is_sum_kept,
        BENDS=alpha is not None,
        LARGEST=_LARGEST,
        BLOCK=_BLOCK,
    )
    return summed, bent


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _kernel(  # type: ignore[no-untyped-def, unused-ignore] # noqa: PLR0917, ANN202 - a kernel's arguments are positional and have Triton's own types
    convolved,  # noqa: ANN001
    bias,  # noqa: ANN001
    beside,  # noqa: ANN001
    total,  # noqa: ANN001
    alpha,  # noqa: ANN001
    lengths,  # noqa: ANN001
    summed,  # noqa: ANN001
    bent,  # noqa: ANN001
    row_size,  # noqa: ANN001
    C: tl.constexpr,
    HAS_CONVOLVED: tl.constexpr,
    HAS_BESIDE: tl.constexpr,
    HAS_TOTAL: tl.constexpr,
    KEEPS_SUM: tl.constexpr,
    BENDS: tl.constexpr,
    LARGEST: tl.constexpr,
    BLOCK: tl.constexpr,
):
    here = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = here < row_size
    channel = here % C
    row = tl.program_id(1)
    place = row.to(tl.int64) * row_size + here
    x = tl.zeros((BLOCK,), tl.float32)
    if HAS_CONVOLVED:
        y = tl.load(convolved + place, mask=inside, other=0.0).to(tl.float32)
        y += tl.load(bias + channel)
        x += tl.where(here // C < tl.load(lengths + row), y, 0.0)
    if HAS_BESIDE:
        x += tl.load(beside + place, mask=inside, other=0.0).to(tl.float32)
    if HAS_TOTAL:
        x += tl.load(total + place, mask=inside, other=0.0).to(tl.float32)
    x = tl.minimum(tl.maximum(x, -LARGEST), LARGEST)
    if KEEPS_SUM:
        tl.store(summed + place, x.to(summed.dtype.element_ty), mask=inside)
    if BENDS:
        a = tl.load(alpha + channel)
        wave = tl.sin(x * a)
        tl.store(
            bent + place, (x + wave * wave / (a + 1e-9)).to(bent.dtype.element_ty), mask=inside
        )
