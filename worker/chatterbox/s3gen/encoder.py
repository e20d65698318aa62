"""Upsampling conformer: speech tokens at 25 Hz to mel-rate features at 50 Hz.

Works on padded rows. Source: docs/model.md, S3Gen, encoder.
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import FRAMES_PER_TOKEN, FlowConfig
from worker.chatterbox.s3gen.attention import (
    LayerNorm,
    Linear,
    RelativeAttention,
    relative_distances,
)

_LOOKAHEAD = 3  # tokens that the first convolution looks ahead


class UpsamplingEncoder(nn.Module):
    """Embed, look ahead, attend at 25 Hz, double the rate, attend at 50 Hz."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width = config.encoder_width
        self.embed = Embed(width)
        self.pre_lookahead_layer = Lookahead(width)
        self.encoders = nn.ModuleList(Layer(config) for _ in range(config.encoder_layers))
        self.up_layer = Upsample(width)
        self.up_embed = Embed(width)
        self.up_encoders = nn.ModuleList(Layer(config) for _ in range(config.upsampled_layers))
        self.after_norm = nn.LayerNorm(width, eps=1e-5)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Encode rows; `valid` None means that no row is padded.

        Shapes: x (B, T, D); valid (B, T) bool -> (B, 2T, D), padded frames undefined.
        """
        x = self.embed(x)
        if valid is not None:
            # The look-ahead reads three tokens to the right: a padded row must have zeros there,
            # like the edge of an unpadded row.
            x = x * valid[..., None]
        x = _run(self.encoders, self.pre_lookahead_layer(x), valid)
        if valid is not None:
            valid = valid.repeat_interleave(FRAMES_PER_TOKEN, dim=1)
        x = _run(self.up_encoders, self.up_embed(self.up_layer(x)), valid)
        return self.after_norm(x)


def _run(layers: nn.ModuleList, x: Tensor, valid: Tensor | None) -> Tensor:
    distances = relative_distances(x.shape[1], x.shape[2], x.device).to(x.dtype)
    for layer in layers:
        x = layer(x, distances, valid)
    return x


class Embed(nn.Module):
    """Linear layer, norm, and the scale of the embedding relative to the positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.out = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width, eps=1e-5))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x) * self.scale


class Lookahead(nn.Module):
    """Two convolutions with a residual; the first looks three tokens ahead."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, _LOOKAHEAD + 1)
        self.conv2 = nn.Conv1d(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x (B, T, D) -> (B, T, D)."""
        y = F.leaky_relu(self.conv1(F.pad(x.transpose(1, 2), (0, _LOOKAHEAD))))
        return x + self.conv2(F.pad(y, (2, 0))).transpose(1, 2)


class Upsample(nn.Module):
    """Repeat every token for its frames, then smooth causally."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reach = 2 * FRAMES_PER_TOKEN
        self.conv = nn.Conv1d(width, width, self.reach + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x (B, T, D) -> (B, 2T, D)."""
        y = x.repeat_interleave(FRAMES_PER_TOKEN, dim=1).transpose(1, 2)
        return self.conv(F.pad(y, (self.reach, 0))).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear layers with SiLU between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.w_1 = Linear(width, inner)
        self.w_2 = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.w_2(F.silu(self.w_1(x)))


class Layer(nn.Module):
    """Pre-norm attention and feed-forward; no convolution inside."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width = config.encoder_width
        self.self_attn = RelativeAttention(width, config.encoder_heads)
        self.feed_forward = FeedForward(width, config.encoder_ffn_width)
        self.norm_mha = LayerNorm(width, eps=1e-12)
        self.norm_ff = LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, distances: Tensor, valid: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.norm_mha(x), distances, valid)
        return x + self.feed_forward(self.norm_ff(x))
