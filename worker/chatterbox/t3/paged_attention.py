"""One step of attention for many sequences over vLLM's paged cache, bound by memory alone.

Kernels made for prompts work on tiles of 64 queries or more: with one query for each head they
compute dozens of rows that nobody asked for. Here every group of threads reads its share of the
places once and keeps a softmax of its own; they meet at the end. Needs Triton.
Source: docs/decisions/0011-attention-of-a-decoding-step.md.
"""

import math

import triton
import triton.language as tl
from torch import Tensor

_ROWS = 64  # of a tile: places times heads
_WARPS = 4
_MANY = 32  # sequences; fewer would leave multiprocessors idle if a program had several heads
HEADS_TOGETHER = 4  # of a program then: neighbours in the cache, 512 bytes of bfloat16 in a row


def attend_one(
    query: Tensor,
    cache: tuple[Tensor, Tensor],
    *,
    blocks: Tensor,
    lengths: Tensor,
    scale: float,
    out: Tensor,
) -> None:
    """Attend from one query per sequence to all of its places; without any, `out` is zero.

    Every query head has keys and values of its own.
    Shapes: query, out (N, heads, E), rows contiguous; cache, keys and values (blocks, places,
    heads, E) of the same strides; blocks (N, most blocks) and lengths (N,) int32.   E is a power of
    two, heads a multiple of HEADS_TOGETHER.
    """
    count, heads, width = query.shape
    keys, values = cache
    together = HEADS_TOGETHER if count > _MANY else 1
    _kernel[(count, heads // together)](
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
        HEADS=together,
        PLACES=_ROWS // together,
        num_warps=_WARPS,
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
    HEADS: tl.constexpr,
    PLACES: tl.constexpr,
):
    # A row of a tile is one place of one head; the heads of a place lie side by side.
    sequence = tl.program_id(0)
    row = tl.arange(0, PLACES * HEADS)
    column = tl.arange(0, WIDTH)
    head = tl.program_id(1) * HEADS + row % HEADS
    asked = tl.load(query + sequence * query_step + head[:, None] * WIDTH + column[None, :])
    asked = asked.to(tl.float32) * scale
    length = tl.load(lengths + sequence)
    most = tl.full((PLACES * HEADS,), float("-inf"), tl.float32)
    total = tl.zeros((PLACES * HEADS,), tl.float32)
    mixed = tl.zeros((PLACES * HEADS, WIDTH), tl.float32)
    for start in range(0, length, PLACES):
        place = start + row // HEADS
        exists = place < length
        block = tl.load(blocks + sequence * blocks_step + place // BLOCK, mask=exists, other=0)
        base = block.to(tl.int64) * block_step + place % BLOCK * place_step + head * head_step
        here = base[:, None] + column[None, :]
        key = tl.load(keys + here, mask=exists[:, None], other=0.0)
        value = tl.load(values + here, mask=exists[:, None], other=0.0)
        score = tl.sum(asked * key.to(tl.float32), axis=1)
        score = tl.where(exists, score, float("-inf"))
        above = tl.maximum(most, score)
        # A row that has seen nothing yet has no maximum to subtract.
        top = tl.where(above == float("-inf"), 0.0, above)
        fade = tl.exp2(most - top)
        weight = tl.exp2(score - top)
        mixed = mixed * fade[:, None] + weight[:, None] * value.to(tl.float32)
        total = total * fade + weight
        most = above
    # The rows of one head meet.
    most = tl.reshape(most, (PLACES, HEADS))
    top = tl.max(most, axis=0)
    share = tl.exp2(most - tl.where(top == float("-inf"), 0.0, top)[None, :])
    total = tl.sum(tl.reshape(total, (PLACES, HEADS)) * share, axis=0)
    mixed = tl.sum(tl.reshape(mixed, (PLACES, HEADS, WIDTH)) * share[:, :, None], axis=0)
    mixed = mixed / tl.where(total == 0.0, 1.0, total)[:, None]
    heads = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    tl.store(
        out + sequence * out_step + heads[:, None] * WIDTH + column[None, :],
        mixed.to(out.dtype.element_ty),
    )
