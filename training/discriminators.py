"""Judges of a waveform for the vocoder's last stage; needed in training only.

Source: HiFi-GAN (arXiv 2010.05646), periods; UnivNet (arXiv 2106.07889), resolutions.
"""

from itertools import pairwise

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # window and hop
PERIOD_WIDTHS = (1, 24, 48, 96, 192)
RESOLUTION_WIDTH = 24
SLOPE = 0.1

Judgement = tuple[Tensor, list[Tensor]]  # score map, feature maps


class PeriodJudge(nn.Module):
    """Looks at every p-th sample."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(wide_in, wide_out, (5, 1), (3, 1), (2, 0)))
            for wide_in, wide_out in pairwise(PERIOD_WIDTHS)
        )
        self.score = weight_norm(nn.Conv2d(PERIOD_WIDTHS[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, audio: Tensor) -> Judgement:
        missing = -audio.shape[-1] % self.period
        folded = nnf.pad(audio[:, None], (0, missing), mode="reflect")
        x = folded.reshape(len(audio), 1, -1, self.period)
        return _judge(x, self.convs, self.score)


class ResolutionJudge(nn.Module):
    """Looks at the magnitudes of one short Fourier transform."""

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        widths = (1, *(RESOLUTION_WIDTH,) * 4)
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(wide_in, wide_out, (3, 7), (1, 2 if i else 1), (1, 3)))
            for i, (wide_in, wide_out) in enumerate(pairwise(widths))
        )
        self.score = weight_norm(nn.Conv2d(RESOLUTION_WIDTH, 1, 3, padding=1))

    def forward(self, audio: Tensor) -> Judgement:
        x = spectrum(audio, self.window, self.hop).transpose(1, 2)[:, None]
        return _judge((x + 1e-5).log(), self.convs, self.score)


class Judges(nn.Module):
    """All of them."""

    def __init__(self) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [
                *(PeriodJudge(period) for period in PERIODS),
                *(ResolutionJudge(window, hop) for window, hop in RESOLUTIONS),
            ]
        )

    def forward(self, audio: Tensor) -> list[Judgement]:
        return [judge(audio) for judge in self.judges]


def spectrum(audio: Tensor, window: int, hop: int) -> Tensor:
    """Magnitudes. Shapes: (B, S) -> (B, bins, frames)."""
    hann = torch.hann_window(window, device=audio.device)
    values = torch.stft(audio.float(), window, hop, window=hann, return_complex=True)
    return (values.real.square() + values.imag.square() + 1e-9).sqrt()


def judge_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Least squares: real towards 1, made towards 0."""
    losses = [
        (1 - true).square().mean() + false.square().mean()
        for (true, _), (false, _) in zip(real, made, strict=True)
    ]
    return torch.stack(losses).mean()


def deceive_loss(made: list[Judgement]) -> Tensor:
    """Least squares: made towards 1."""
    return torch.stack([(1 - score).square().mean() for score, _ in made]).mean()


def feature_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Mean distance of the judges' inner maps."""
    distances = [
        (true.detach() - false).abs().mean()
        for (_, trues), (_, falses) in zip(real, made, strict=True)
        for true, false in zip(trues, falses, strict=True)
    ]
    return torch.stack(distances).mean()


def _judge(x: Tensor, convs: nn.ModuleList, score: nn.Module) -> Judgement:
    maps = []
    for conv in convs:
        x = nnf.leaky_relu(conv(x), SLOPE)
        maps.append(x)
    return score(x), maps
