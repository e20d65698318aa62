"""T3's attention of a decoding step on a GPU: equal to the formula, whatever the cache holds.

`pytest tests/gpu/test_attention.py`.
"""

import pytest
import torch
from torch import Tensor

DEVICE = "cuda"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

HEADS, WIDTH, BLOCK = 32, 64, 16
SCALE = WIDTH**-0.5


def attend_exactly(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Shapes: query (H, E); keys, values (L, H, E) -> (H, E)."""
    scores = torch.einsum("he,lhe->hl", query.double(), keys.double()) * SCALE
    return torch.einsum("hl,lhe->he", scores.softmax(-1), values.double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, 3, 33, 316])
def test_one_query_attends_to_all_of_its_places_and_to_no_other(
    dtype: torch.dtype, count: int
) -> None:
    from worker.chatterbox.t3.paged_attention import attend_one

    draw = torch.Generator(DEVICE).manual_seed(count)
    lengths = torch.randint(1, 500, (count,), generator=draw, device=DEVICE, dtype=torch.int32)
    lengths[count // 2] = 0 if count > 1 else 17
    most = -(-500 // BLOCK)
    blocks = torch.randperm(count * most, generator=draw, device=DEVICE).view(count, most).int()
    cache = torch.randn(
        count * most, 2, BLOCK, HEADS, WIDTH, generator=draw, device=DEVICE, dtype=dtype
    )
    keys, values = cache.unbind(1)
    for row, length in zip(blocks, lengths.tolist(), strict=True):  # memory that was never written
        for part in (keys, values):
            rest = part[row.long()].flatten(0, 1)
            rest[length:] = torch.nan
            part[row.long()] = rest.unflatten(0, (-1, BLOCK))
    joint = torch.randn(count, 3 * HEADS, WIDTH, generator=draw, device=DEVICE, dtype=dtype)
    query = joint[:, :HEADS]
    out = torch.full_like(query, torch.nan, memory_format=torch.contiguous_format)
    attend_one(query, (keys, values), blocks=blocks, lengths=lengths, scale=SCALE, out=out)
    for index, length in enumerate(lengths.tolist()):
        if length == 0:
            assert not out[index].any()
            continue
        places = [part[blocks[index].long()].flatten(0, 1)[:length] for part in (keys, values)]
        expected = attend_exactly(query[index], *places)
        error = float((out[index].double() - expected).abs().max())
        assert error < (1e-5 if dtype == torch.float32 else 0.02), (index, length)
