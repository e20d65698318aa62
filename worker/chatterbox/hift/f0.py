"""Pitch of each mel frame, computed in float64.

The source integrates the pitch over the whole utterance: a rounding error of float32, or of a
GPU's TF32, grows to a tenth of a cycle there, and a row would depend on its batch.
"""

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
        x = keep(mel.double(), valid)
        for conv in self.condnet.values():
            x = keep(F.elu(_convolve(conv, x)), valid)
        weight, bias = self.classifier.weight.double(), self.classifier.bias.double()
        return F.linear(x.transpose(1, 2), weight, bias).squeeze(-1).abs()


def _convolve(conv: nn.Module, x: Tensor) -> Tensor:
    weight, bias = conv.get_parameter("weight"), conv.get_parameter("bias")
    return F.conv1d(x, weight.double(), bias.double(), padding=_KERNEL // 2)
