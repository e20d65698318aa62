"""The flow's estimator: noisy mel, text features and voice in, velocity out; over packed rows.

Source: docs/model.md, S3Gen, estimator. All convolutions are causal, attention sees the whole row.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import MEL_BINS, FlowConfig
from worker.chatterbox.s3gen.attention import Attention, LayerNorm, Linear
from worker.chatterbox.s3gen.kernels import rise
from worker.chatterbox.s3gen.packing import Packing, shift

_INPUT_WIDTH = 4 * MEL_BINS  # noisy mel, text features, voice, prompt mel
_TIME_SCALE = 1000.0
_KERNEL = 3


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Condition:
    """What the mel is conditioned on: text and voice; all zeros mean unconditional.

    Shapes: features, prompt (N, 80); timbre (rows, 80).
    """

    features: Tensor
    prompt: Tensor
    timbre: Tensor


class Estimator(nn.Module):
    """One stage, twelve middle stages, one stage with a skip connection."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width = config.estimator_width
        self.time_mlp = TimeEmbedding(config.time_width)
        self.down_blocks = nn.ModuleList([Stage(_INPUT_WIDTH, config, has_conv=True)])
        self.mid_blocks = nn.ModuleList(
            Stage(width, config, has_conv=False) for _ in range(config.mid_blocks)
        )
        self.up_blocks = nn.ModuleList([Stage(2 * width, config, has_conv=True)])
        self.final_block = Block(width, width)
        self.final_proj = FrameConv(width, MEL_BINS, 1)

    def forward(self, x: Tensor, time: Tensor, condition: Condition, packing: Packing) -> Tensor:
        """Estimate the velocity of `x` at `time`.

        Shapes: x (N, 80); time (rows,) -> (N, 80).
        Units: time from 0 (noise) to 1 (mel).
        """
        embedded = self.time_mlp(time)
        timbre = condition.timbre[packing.row]
        frames = torch.cat([x, condition.features, timbre, condition.prompt], dim=-1)
        first, last = (cast("Stage", blocks[0]) for blocks in (self.down_blocks, self.up_blocks))
        skip = first(frames, embedded, packing)
        frames = first.smooth(skip, packing)
        for stage in self.mid_blocks:
            frames = stage(frames, embedded, packing)
        frames = last(torch.cat([frames, skip], dim=-1), embedded, packing)
        frames = self.final_block(last.smooth(frames, packing), packing)
        return self.final_proj(frames, packing)


class Stage(nn.ModuleList):
    """A residual block, transformers and, at the two ends, a convolution."""

    def __init__(self, in_width: int, config: FlowConfig, *, has_conv: bool) -> None:
        width = config.estimator_width
        transformers = Transformers(
            Transformer(config) for _ in range(config.transformers_per_block)
        )
        parts: list[nn.Module] = [ResidualBlock(in_width, width, config.time_width), transformers]
        super().__init__([*parts, FrameConv(width, width, _KERNEL)] if has_conv else parts)

    def forward(self, x: Tensor, time: Tensor, packing: Packing) -> Tensor:
        return self[1](self[0](x, time, packing), packing)

    def smooth(self, x: Tensor, packing: Packing) -> Tensor:
        """Pass through the convolution at the stage's end."""
        return self[2](x, packing)


class FrameConv(nn.Module):
    """Causal convolution over packed rows: a linear layer on neighbouring frames.

    Like `Linear`, it computes in the precision of its weights.
    """

    def __init__(self, in_width: int, out_width: int, kernel: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_width * kernel)
        self.weight = nn.Parameter(torch.empty(out_width, in_width, kernel))
        self.bias = nn.Parameter(torch.empty(out_width))
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        """Shapes: x (N, D) -> (N, D')."""
        kernel = self.weight.shape[-1]
        x = x.to(self.weight.dtype)
        windows = [shift(x, steps, packing) for steps in reversed(range(kernel))]
        weight = self.weight.transpose(1, 2).flatten(1)
        return F.linear(torch.cat(windows, dim=-1), weight, self.bias)


class Block(nn.Module):
    """Convolution, norm, Mish."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        # The official names count two transposes (1, 3) and the activation (4) beside these.
        self.block = nn.ModuleDict(
            {"0": FrameConv(in_width, out_width, _KERNEL), "2": LayerNorm(out_width)}
        )

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        return F.mish(self.block["2"](self.block["0"](x, packing)))


class ResidualBlock(nn.Module):
    """Two blocks with the time added between, around a linear shortcut."""

    def __init__(self, in_width: int, out_width: int, time_width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Mish(), nn.Linear(time_width, out_width))
        self.block1 = Block(in_width, out_width)
        self.block2 = Block(out_width, out_width)
        self.res_conv = FrameConv(in_width, out_width, 1)

    def forward(self, x: Tensor, time: Tensor, packing: Packing) -> Tensor:
        y = self.block1(x, packing) + self.mlp(time)[packing.row]
        shortcut = self.res_conv(x, packing)
        # The transformers that follow add in this type; float32 sums would cost much memory
        # traffic.
        return (self.block2(y, packing) + shortcut).to(shortcut.dtype)


class Transformer(nn.Module):
    """Pre-norm attention and feed-forward with exact GELU."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width = config.estimator_width
        self.norm1 = LayerNorm(width)
        self.attn1 = Attention(width, config.estimator_heads, config.estimator_head_width)
        self.norm3 = LayerNorm(width)
        self.ff = FeedForward(width, config.estimator_ffn_factor * width)

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        x = x + self.attn1(self.norm1(x), packing)
        return x + self.ff(self.norm3(x))


class Transformers(nn.ModuleList):
    """Transformers one after another; compiled as one, so that sums and norms between them fuse."""

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        for transformer in self:
            x = transformer(x, packing)
        return x


class FeedForward(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        # The official names count a dropout (1) between the two.
        parts: dict[str, nn.Module] = {"0": Rise(width, inner), "2": Linear(inner, width)}
        self.net = nn.Sequential(OrderedDict(parts))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Rise(nn.Module):
    """A linear layer and GELU."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = Linear(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        return rise(x.to(self.proj.weight.dtype), self.proj.weight, self.proj.bias)


class TimeEmbedding(nn.Module):
    """Sinusoids of the time through two linear layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(_INPUT_WIDTH, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, time: Tensor) -> Tensor:
        """Shapes: time (rows,) -> (rows, width)."""
        half = _INPUT_WIDTH // 2
        steps = torch.arange(half, device=time.device, dtype=torch.float32)
        angles = _TIME_SCALE * time[:, None] * torch.exp(steps * -(math.log(10_000.0) / (half - 1)))
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
        return self.linear_2(F.silu(self.linear_1(waves)))
