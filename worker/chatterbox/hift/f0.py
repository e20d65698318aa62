"""Pitch of each mel frame, computed in float64.

The source integrates the pitch over the whole utterance: a rounding error of float32, or of a GPU's
TF32, grows to a tenth of a cycle, and a row would depend on its batch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import MEL_BINS, HiftConfig
from worker.chatterbox.rows import keep

_LAYERS = 5
_KERNEL = 3


class PitchPredictor(nn.Module):
    """Five convolutions with ELU and a linear layer. Source: docs/model.md, HiFT, pitch."""

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        widths = [MEL_BINS, *[config.f0_channels] * _LAYERS]
        # The official names count the activations between: 0, 2, 4, 6, 8.
        self.condnet = nn.ModuleDict(
            {
                str(2 * index): nn.Conv1d(widths[index], widths[index + 1], _KERNEL)
                for index in range(_LAYERS)
            }
        )
        self.classifier = nn.Linear(config.f0_channels, 1)

    def forward(self, mel: Tensor, valid: Tensor | None) -> Tensor:
        """Shapes: mel (B, 80, F) -> (B, F) float64.   Units: Hz; 10 and below means unvoiced."""
        exists = None if valid is None else valid.transpose(1, 2)
        x = keep(mel.double().transpose(1, 2), exists)
        for conv in self.condnet.values():
            x = keep(F.elu(_convolve(conv, x)), exists)
        weight, bias = self.classifier.weight.double(), self.classifier.bias.double()
        return F.linear(x, weight, bias).squeeze(-1).abs()


def _convolve(conv: nn.Module, x: Tensor) -> Tensor:
    """Convolve frames by a matrix product: libraries have no fast convolution in float64.

    Shapes: x (B, F, C) -> (B, F, C').
    """
    weight, bias = conv.get_parameter("weight"), conv.get_parameter("bias")
    padded = F.pad(x, (0, 0, _KERNEL // 2, _KERNEL // 2))
    windows = [padded[:, start : start + x.shape[1]] for start in range(_KERNEL)]
    flat = weight.transpose(1, 2).flatten(1)
    return F.linear(torch.cat(windows, dim=-1), flat.double(), bias.double())
