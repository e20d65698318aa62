"""The vocoder's building blocks.

Its convolutions look both ways, so everything after a short row's end must be zero before each.
Snake, ELU and leaky ReLU keep zeros zero.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from worker.chatterbox.rows import keep


def same_padding(kernel: int, dilation: int = 1) -> int:
    """Return the padding that keeps the length for an odd kernel."""
    return (kernel - 1) * dilation // 2


class Snake(nn.Module):
    """x + sin(a x)^2 / a, one learned frequency per channel (arXiv 2006.08195)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.alpha[:, None]
        return x + (x * alpha).sin().square() / (alpha + 1e-9)  # 1e-9: as the weights were trained


class ResidualBlock(nn.Module):
    """Pairs of convolutions, the first of each dilated further than the pair before."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=same_padding(kernel, d))
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=same_padding(kernel)) for _ in dilations
        )
        self.activations1 = nn.ModuleList(Snake(channels) for _ in dilations)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in dilations)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Shapes: x (B, D, L), zero behind each row's end -> the same."""
        pairs = zip(self.activations1, self.convs1, self.activations2, self.convs2, strict=True)
        for snake1, conv1, snake2, conv2 in pairs:
            y = keep(conv1(snake1(x)), valid)
            x = x + keep(conv2(snake2(y)), valid)
        return x
