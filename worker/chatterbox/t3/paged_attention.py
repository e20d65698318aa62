"""One step of attention for many sequences over vLLM's paged cache, with one warp per head.

Kernels made for prompts use several warps per query on few positions at a time, and spend more time
on overhead than on reading the cache. Here a warp reads 32 positions of one head while it processes
the previous 32, and many such warps share a multiprocessor. Needs Triton.
Source: docs/decisions/0011-attention-of-a-decoding-step.md.
"""

import math

import triton
import triton.language as tl
from torch import Tensor

_PLACES = 32  # positions per tile
_STAGES = 3  # tiles being loaded per warp
_ROWS = tl.constexpr(16)  # rows of the smallest tensor-core product; only one of them is the query


def attend_one(
    query: Tensor,
    cache: tuple[Tensor, Tensor],
    *,
    blocks: Tensor,
    lengths: Tensor,
    scale: float,
    out: Tensor,
) -> None:
    """Attend from one query per sequence to all of its positions; without any, `out` is zero.

    Every query head has its own keys and values.
    Shapes: query, out (N, heads, E), heads of a row side by side; cache, keys and values (blocks,
    places, heads, E) of the same strides; blocks (N, most blocks) and lengths (N,) int32.   E is a
    power of two from 16 on.
    """
    count, heads, width = query.shape
    keys, values = cache
    # Programs of one sequence's heads are adjacent, since their keys are adjacent in memory.
    _kernel[(heads, count)](
        query,
        keys,
        values,
        out,
        blocks,
        lengths,
        scale * math.log2(math.e),
        query.stride(0),
        out.stride(0),
        blocks.stride(0),
        *keys.stride()[:3],
        WIDTH=width,
        BLOCK=keys.shape[1],
        PLACES=_PLACES,
        STAGES=_STAGES,
        num_warps=1,
    )


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _kernel(  # type: ignore[no-untyped-def, unused-ignore] # noqa: PLR0917, ANN202 - a kernel's arguments are positional and have Triton's own types
    query,  # noqa: ANN001
    keys,  # noqa: ANN001
    values,  # noqa: ANN001
    out,  # noqa: ANN001
    blocks,  # noqa: ANN001
    lengths,  # noqa: ANN001
    scale,  # noqa: ANN001
    query_step,  # noqa: ANN001
    out_step,  # noqa: ANN001
    blocks_step,  # noqa: ANN001
    block_step,  # noqa: ANN001
    place_step,  # noqa: ANN001
    head_step,  # noqa: ANN001
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    PLACES: tl.constexpr,
    STAGES: tl.constexpr,
):
    head = tl.program_id(0)
    sequence = tl.program_id(1)
    row = tl.arange(0, _ROWS)[:, None]
    column = tl.arange(0, WIDTH)[None, :]
    places = tl.arange(0, PLACES)
    length = tl.load(lengths + sequence)
    table = blocks + sequence * blocks_step
    # The first row is the query, the others are zero and their results are not kept.
    at = head * WIDTH + row * 0 + column
    query_tile = tl.load(query + sequence * query_step + at, mask=row == 0, other=0.0)
    most = tl.full((_ROWS,), float("-inf"), tl.float32)
    total = tl.zeros((_ROWS,), tl.float32)
    mixed = tl.zeros((_ROWS, WIDTH), tl.float32)
    # A tile's addresses are loaded while the previous tile is processed.
    block = tl.load(table + places // BLOCK, mask=places < length, other=0)
    for start in tl.range(0, length, PLACES, num_stages=STAGES):
        place = start + places
        exists = place < length
        base = block.to(tl.int64) * block_step + place % BLOCK * place_step + head * head_step
        here = base[:, None] + column
        key = tl.load(keys + here, mask=exists[:, None], other=0.0)
        value = tl.load(values + here, mask=exists[:, None], other=0.0)
        ahead = place + PLACES
        block = tl.load(table + ahead // BLOCK, mask=ahead < length, other=0)
        score = tl.dot(query_tile, key.T, input_precision="ieee") * scale
        score = tl.where(exists[None, :], score, float("-inf"))
        above = tl.maximum(most, tl.max(score, axis=1))
        weight = tl.exp2(score - above[:, None])
        fade = tl.exp2(most - above)
        mixed = tl.dot(weight.to(value.dtype), value, mixed * fade[:, None], input_precision="ieee")
        total = total * fade + tl.sum(weight, axis=1)
        most = above
    mixed = mixed / tl.where(total == 0.0, 1.0, total)[:, None]
    tl.store(out + sequence * out_step + at, mixed.to(out.dtype.element_ty), mask=row == 0)
