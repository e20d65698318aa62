"""The Llama inside T3: takes embeddings, returns normalised hidden states.

Knows nothing of speech, batching or guidance. The caller chooses how keys and values are stored:
each layer passes its queries, keys and values to an `Attend`.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from worker.chatterbox.config import T3Config

Rotation = tuple[Tensor, Tensor]

# (layer, query (B, H, L, d), key and value (B, K, L, d)) -> (B, H, L, d)
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]

_UNUSED_VOCABULARY = 8  # rows of a token table that upstream stores but never reads


def attend_causally(_layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention over whole rows, without a cache."""
    return scaled_dot_product_attention(
        query, key, value, is_causal=True, enable_gqa=query.shape[1] != key.shape[1]
    )


class Llama(nn.Module):
    """Pre-norm decoder layers with rotary positions, named as in the official files."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(_UNUSED_VOCABULARY, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=config.norm_eps)

    def forward(self, x: Tensor, positions: Tensor, attend: Attend = attend_causally) -> Tensor:
        """Run all layers. Shapes: x (B, L, D), positions (B, L) -> (B, L, D)."""
        rotation = rotate_by(positions, self.config, x.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, rotation, index, attend)
        normed: Tensor = self.norm(x)
        return normed


class Layer(nn.Module):
    """Attention, then a gated feed-forward, each behind its own norm."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config)
        self.input_layernorm = nn.RMSNorm(config.width, eps=config.norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.width, eps=config.norm_eps)

    def forward(self, x: Tensor, rotation: Rotation, index: int, attend: Attend) -> Tensor:
        """Add the outputs of attention and feed-forward. Shapes: x (B, L, D) -> (B, L, D)."""
        x = x + self.self_attn(self.input_layernorm(x), rotation, index, attend)
        fed: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return fed


class Attention(nn.Module):
    """Grouped-query attention without biases."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.head_width = config.head_width
        width, shared = config.width, config.kv_heads * config.head_width
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, shared, bias=False)
        self.v_proj = nn.Linear(width, shared, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, rotation: Rotation, index: int, attend: Attend) -> Tensor:
        """Project, attend by `attend`, project back. Shapes: x (B, L, D) -> (B, L, D)."""
        query = rotate(self._split(self.q_proj(x)), rotation)
        key = rotate(self._split(self.k_proj(x)), rotation)
        mixed = attend(index, query, key, self._split(self.v_proj(x)))
        joined: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return joined

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.head_width).transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.ffn_width, bias=False)
        self.up_proj = nn.Linear(config.width, config.ffn_width, bias=False)
        self.down_proj = nn.Linear(config.ffn_width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each position. Shapes: x (B, L, D) -> (B, L, D)."""
        fed: Tensor = self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        return fed


def rotate_by(positions: Tensor, config: T3Config, dtype: torch.dtype) -> Rotation:
    """Compute cosine and sine of positions in float32; the sine's first half is negative.

    Shapes: positions (B, L) -> two of (B, 1, L, head width).
    """
    angles = positions[:, None, :, None].float() * _frequencies(config, positions.device)
    cosine, sine = angles.cos().to(dtype), angles.sin().to(dtype)
    return torch.cat((cosine, cosine), dim=-1), torch.cat((-sine, sine), dim=-1)


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Rotate pairs (i, i + half) of each head. Shapes: x (B, H, L, d) -> the same.

    Source: Su et al. 2021, in the half-split layout of Llama checkpoints.
    """
    cosine, sine = rotation
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, dims=-1), sine)


@lru_cache(maxsize=16)  # not a buffer: casting a model to bfloat16 must not round these
def _frequencies(config: T3Config, device: torch.device) -> Tensor:
    """Apply the Llama 3.1 rule: slow rotations slow further, fast ones stay, with a ramp between.

    Shape: (head width / 2,). Source: docs/model.md, T3 backbone.
    """
    exponent = torch.arange(0, config.head_width, 2).float() / config.head_width
    plain = 1.0 / config.rope_theta**exponent
    turns = config.rope_original_positions * plain / (2 * math.pi)
    low, high = config.rope_low_freq_factor, config.rope_high_freq_factor
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return (plain * (kept + (1 - kept) / config.rope_factor)).to(device)
