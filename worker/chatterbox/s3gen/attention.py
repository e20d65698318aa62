"""The two attention layers of S3Gen, and the linear layers that all its blocks use.

The encoder's attention has relative positions; the estimator's is plain.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.s3gen.packing import Packing, attend

_ALIGNMENT = 8
_TABLE_STEP = 512  # tables are built for multiples of this length, so that only a few are cached


# Both layers compute in the precision of their own weights, whatever the input type, so bfloat16 is
# a property of the loaded network. Norms and the solver's state stay in float32, and no autocast is
# needed.
class Linear(nn.Linear):
    """A linear layer whose output has the type of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class LayerNorm(nn.LayerNorm):
    """A layer norm in float32."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class RelativeAttention(nn.Module):
    """Multi-head self-attention that scores content and distance apart.

    Source: docs/model.md, S3Gen (Transformer-XL, arXiv 1901.02860, section 3.3).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear_q = Linear(width, width)
        self.linear_k = Linear(width, width)
        self.linear_v = Linear(width, width)
        self.linear_out = Linear(width, width)
        self.linear_pos = Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, width // heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, width // heads))

    def forward(self, x: Tensor, distances: Tensor, valid: Tensor | None) -> Tensor:
        """Shapes: x (B, T, D); distances (2T - 1, D); valid (B, T) bool -> (B, T, D)."""
        query = self.linear_q(x).unflatten(-1, (self.heads, -1))
        key, value = (self._split(layer(x)) for layer in (self.linear_k, self.linear_v))
        content, position = (
            (query + bias).to(query.dtype).transpose(1, 2)
            for bias in (self.pos_bias_u, self.pos_bias_v)
        )
        scores = self._distance_scores(position / math.sqrt(position.shape[-1]), distances)
        if valid is None:
            scores = scores.contiguous()  # fused kernels require an aligned bias
        else:
            scores = scores.where(valid[:, None, None, :], -math.inf)  # one pass, and aligned
        mixed = F.scaled_dot_product_attention(content, key, value, attn_mask=scores)
        return self.linear_out(mixed.transpose(1, 2).flatten(2))

    def _distance_scores(self, query: Tensor, distances: Tensor) -> Tensor:
        """Score query i against distance i - j for every key j.

        Row i of the product with all distances, starting with T - 1, holds its T scores from column
        T - 1 - i on: one column earlier per row, which a stride expresses without a copy.
        Shapes: query (B, heads, T, E); distances (2T - 1 or more, D) -> (B, heads, T, T).
        """
        B, H, T, _ = query.shape
        table = self._split(self.linear_pos(distances)[None])
        scores = (query @ table.transpose(-2, -1)).contiguous()
        span = len(distances)
        strides = (H * T * span, T * span, span - 1, 1)
        return scores.as_strided((B, H, T, T), strides, T - 1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def relative_distances(length: int, width: int, device: torch.device) -> Tensor:
    """Encode the distances length - 1 down to -(length - 1), sine and cosine interleaved.

    Padded to a multiple of 8, for which GPUs multiply fast.
    Shapes: (2 * length - 1 or more, width).
    """
    longest = -(-length // _TABLE_STEP) * _TABLE_STEP
    count = -(-(2 * length - 1) // _ALIGNMENT) * _ALIGNMENT
    return _distance_table(longest, width, device)[longest - length :][:count]


@cache  # graphs hold a table's address, so it is kept for ever
def _distance_table(longest: int, width: int, device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):  # cached: a later call may record gradients
        last = longest + _ALIGNMENT
        distance = torch.arange(longest - 1, -last, -1, dtype=torch.float32)[:, None]
        decay = torch.exp(torch.arange(0, width, 2) * -(math.log(10_000.0) / width))
        angles = distance * decay
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(device)


class Attention(nn.Module):
    """Multi-head self-attention over packed rows, without positions and without masks."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_width
        self.to_q = Linear(width, inner, bias=False)
        self.to_k = Linear(width, inner, bias=False)
        self.to_v = Linear(width, inner, bias=False)
        self.to_out = nn.ModuleList([Linear(inner, width)])

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        """Shapes: x (N, D) -> (N, D)."""
        layers = (self.to_q, self.to_k, self.to_v)
        weight = torch.cat([layer.weight for layer in layers])  # one product reads x once
        joint = F.linear(x.to(weight.dtype), weight).unflatten(-1, (3, self.heads, -1))
        query, key, value = joint.unbind(1)
        mixed = attend(query, key, value, packing)
        return self.to_out[0](mixed.flatten(1))
