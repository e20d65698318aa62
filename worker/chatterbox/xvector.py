"""CAM++: converts a filter bank to the x-vector from which S3Gen takes a speaker's timbre.

Module and parameter names are those of the official file, without their prefix `speaker_encoder.`.
Normalisation and bias make padding non-zero; so every layer that looks along time masks its input,
and every mean counts only valid frames.
Source: docs/model.md, x-vector (CAM++, arXiv 2303.00332).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.chatterbox.config import XVectorConfig
from worker.chatterbox.mel import mask_of

_DILATIONS = (1, 2, 2)  # of the three dense blocks
_SEGMENT_FRAMES = 100
_FREQUENCY_STRIDE = 8  # three halvings in the stem


class XVector(nn.Module):
    """Two-dimensional stem, densely connected time-delay network, pooled statistics."""

    def __init__(self, config: XVectorConfig) -> None:
        super().__init__()
        self.mels = config.mels
        self.head = _Stem(config.stem_channels)
        self.xvector = _TimeDelayNetwork(config)

    def forward(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """Embed a padded batch; a padded row equals the same row by itself.

        Shapes: (B, mels, F), (B,) -> (B, 192).
        """
        embedding: Tensor = self.xvector(self.head(mel, lengths), lengths)
        return embedding


class _Stem(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.ModuleList([_Residual(channels, 2), _Residual(channels, 1)])
        self.layer2 = nn.ModuleList([_Residual(channels, 2), _Residual(channels, 1)])
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """Shapes: (B, mels, F) -> (B, channels * mels / 8, F)."""
        mask = mask_of(lengths, mel.shape[-1])[:, None, None]
        x = functional.relu(self.bn1(self.conv1(mel[:, None] * mask)))
        for block in (*self.layer1, *self.layer2):
            x = block(x, mask)
        x = functional.relu(self.bn2(self.conv2(x * mask)))
        return x.flatten(1, 2)


class _Residual(nn.Module):
    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        strides = (stride, 1)  # frequency only
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=strides, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.Conv2d(channels, channels, 1, stride=strides, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x * mask
        inner = functional.relu(self.bn1(self.conv1(x))) * mask
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class _TimeDelayNetwork(nn.Module):
    def __init__(self, config: XVectorConfig) -> None:
        super().__init__()
        channels = config.tdnn_channels
        stem_channels = config.stem_channels * (config.mels // _FREQUENCY_STRIDE)
        self.tdnn = _Convolved(
            nn.Conv1d(stem_channels, channels, 5, stride=2, padding=2, bias=False)
        )
        self.dense_blocks = len(config.block_layers)
        for i, layers in enumerate(config.block_layers, start=1):
            block = _DenseBlock(layers, channels, config, _DILATIONS[i - 1])
            channels += layers * config.growth
            self.add_module(f"block{i}", block)
            self.add_module(f"transit{i}", _Activated(channels, channels // 2))
            channels //= 2
        self.out_nonlinear = _normalize(channels)
        self.dense = _Convolved(nn.Conv1d(2 * channels, config.width, 1, bias=False), affine=False)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = functional.relu(self.tdnn(x * mask_of(lengths, x.shape[-1])[:, None]))
        lengths = (lengths - 1) // 2 + 1
        mask = mask_of(lengths, x.shape[-1])[:, None].to(x)
        for i in range(1, self.dense_blocks + 1):
            x = self.get_submodule(f"block{i}")(x, mask)
            x = self.get_submodule(f"transit{i}")(x)
        x = functional.relu(self.out_nonlinear(x))
        embedding: Tensor = self.dense(_statistics(x, mask)[..., None]).squeeze(-1)
        return embedding


class _DenseBlock(nn.Module):
    """Layers that each see the outputs of all previous ones."""

    def __init__(self, layers: int, channels: int, config: XVectorConfig, dilation: int) -> None:
        super().__init__()
        for i in range(layers):
            layer = _DenseLayer(channels + i * config.growth, config, dilation)
            self.add_module(f"tdnnd{i + 1}", layer)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x, mask)], dim=1)
        return x


class _DenseLayer(nn.Module):
    def __init__(self, channels: int, config: XVectorConfig, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _normalize(channels)
        self.linear1 = nn.Conv1d(channels, config.bottleneck, 1, bias=False)
        self.nonlinear2 = _normalize(config.bottleneck)
        self.cam_layer = _ContextMasking(config.bottleneck, config.growth, dilation)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.linear1(functional.relu(self.nonlinear1(x)))
        x = functional.relu(self.nonlinear2(x)) * mask
        masked: Tensor = self.cam_layer(x, mask)
        return masked


class _ContextMasking(nn.Module):
    """A local convolution, gated by the average of the recording and of the segment."""

    def __init__(self, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            channels, growth, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(channels, channels // 2, 1)
        self.linear2 = nn.Conv1d(channels // 2, growth, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        context = _mean(x, mask) + _segment_means(x, mask)
        gate = self.linear2(functional.relu(self.linear1(context))).sigmoid()
        gated: Tensor = self.linear_local(x) * gate
        return gated


class _Activated(nn.Module):
    """Normalise and rectify, then mix channels."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.nonlinear = _normalize(channels)
        self.linear = nn.Conv1d(channels, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.linear(functional.relu(self.nonlinear(x)))
        return mixed


class _Convolved(nn.Module):
    """Convolve, then normalise."""

    def __init__(self, conv: nn.Conv1d, *, affine: bool = True) -> None:
        super().__init__()
        self.linear = conv
        self.nonlinear = _normalize(conv.out_channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        normalized: Tensor = self.nonlinear(self.linear(x))
        return normalized


def _normalize(channels: int, *, affine: bool = True) -> nn.Sequential:
    """Name the batch normalisation as the official file does."""
    named = nn.Sequential()
    named.add_module("batchnorm", nn.BatchNorm1d(channels, affine=affine))
    return named


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """Average the valid frames of x, which is zero elsewhere: (B, C, F) -> (B, C, 1)."""
    return x.sum(dim=-1, keepdim=True) / mask.sum(dim=-1, keepdim=True)


def _segment_means(x: Tensor, mask: Tensor) -> Tensor:
    """Average the valid frames of each frame's own segment: (B, C, F) -> same."""
    missing = -x.shape[-1] % _SEGMENT_FRAMES
    sums, counts = (
        functional.pad(row, (0, missing)).reshape(*row.shape[:-1], -1, _SEGMENT_FRAMES).sum(dim=-1)
        for row in (x, mask)
    )
    means: Tensor = sums / counts.clamp(min=1)  # a segment of padding only stays zero
    return means.repeat_interleave(_SEGMENT_FRAMES, dim=-1)[..., : x.shape[-1]]


def _statistics(x: Tensor, mask: Tensor) -> Tensor:
    """Return mean and unbiased deviation over valid frames: (B, C, F) -> (B, 2C)."""
    mean = _mean(x * mask, mask)
    squares = ((x - mean) * mask).square().sum(dim=-1)
    deviation = (squares / (mask.sum(dim=-1) - 1)).sqrt()
    return torch.cat([mean.squeeze(-1), deviation], dim=-1)
