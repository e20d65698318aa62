"""The vocoder's excitation: harmonics of the pitch where voiced, noise elsewhere.

Source: docs/model.md, HiFT, source (neural source-filter, arXiv 1904.12088).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, HiftConfig

_SINE_AMPLITUDE = 0.1
_VOICED_NOISE = 0.003
_UNVOICED_NOISE = _SINE_AMPLITUDE / 3
_VOICED_ABOVE_HZ = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNoise:
    """The random inputs of one waveform, drawn on the CPU from the utterance's own seed.

    Shapes: phases (harmonics,), of the overtones; noise (S,), standard normal.
    Units: radians.
    """

    phases: Tensor
    noise: Tensor


def draw_noise(frames: int, config: HiftConfig, generator: torch.Generator) -> SourceNoise:
    """Draw the noise of a row of so many mel frames."""
    return SourceNoise(
        phases=(torch.rand(config.harmonics, generator=generator) * 2 - 1) * math.pi,
        noise=torch.randn(frames * SAMPLES_PER_FRAME, generator=generator),
    )


class Source(nn.Module):
    """Mix the fundamental and its overtones into one excitation signal."""

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        self.l_linear = nn.Linear(1 + config.harmonics, 1)

    def forward(self, f0: Tensor, phases: Tensor, noise: Tensor) -> Tensor:
        """Excite rows of pitch.

        The reference adds an independent noise to each harmonic and then mixes them by learned
        weights; the mix of independent normal noises is one normal noise times the norm of the
        weights, so one noise is drawn instead of nine.

        Shapes: f0 (B, F); phases (B, harmonics); noise (B, S) -> (B, S).   Units: Hz, radians.
        """
        f0 = f0.detach()  # no gradient reaches the pitch through the phase of its own sine
        weight, bias = self.l_linear.weight[0], self.l_linear.bias
        voiced = (f0 > _VOICED_ABOVE_HZ).repeat_interleave(SAMPLES_PER_FRAME, dim=1)
        spread = torch.where(voiced, _VOICED_NOISE, _UNVOICED_NOISE) * weight.norm()
        sines = _SINE_AMPLITUDE * harmonics(f0, phases, weight) * voiced
        return torch.tanh(sines + bias + spread * noise)


def harmonics(f0: Tensor, phases: Tensor, weight: Tensor) -> Tensor:
    """Sum sines at 1, 2, ... times the pitch, each with its weight and phase offset.

    The cycle count of a long utterance leaves no precision for the fraction in float32, so the
    fundamental is counted in float64 and wrapped before it is multiplied.
    Shapes: f0 (B, F); phases (B, harmonics); weight (1 + harmonics,) -> (B, S).
    """
    cycles = _count_cycles(f0.double()).frac().float()
    total = torch.zeros_like(cycles)
    offsets = F.pad(phases, (1, 0))  # the fundamental starts at zero
    for index in range(len(weight)):
        angle = 2 * math.pi * (index + 1) * cycles + offsets[:, index : index + 1]
        total = total + weight[index] * angle.sin()
    return total


def _count_cycles(f0: Tensor) -> Tensor:
    """Count the fundamental's cycles up to and including each sample. Shapes: (B, F) -> (B, S)."""
    per_sample = (f0 / SAMPLE_RATE_HZ)[..., None]
    before = (f0.cumsum(dim=1) - f0)[..., None] * (SAMPLES_PER_FRAME / SAMPLE_RATE_HZ)
    samples = torch.arange(1, SAMPLES_PER_FRAME + 1, device=f0.device, dtype=f0.dtype)
    return (before + per_sample * samples).flatten(1)
