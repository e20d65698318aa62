"""Discriminators for training the vocoder; not needed at run time.

Source: HiFi-GAN (arXiv 2010.05646), periods; EnCodec (arXiv 2210.13438) and Descript's codec
(arXiv 2306.06546), complex spectra at several resolutions.
"""

from itertools import pairwise

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

PERIODS = (2, 3, 5, 7, 11)
PERIOD_WIDTHS = (1, 32, 128, 256, 512)
WINDOWS = (256, 512, 1024, 2048)  # the hop is a quarter
SPECTRUM_WIDTH = 32
SPECTRUM_STRIDES = (1, 2, 2, 2)  # over frequency
LOUDNESS = 0.3  # exponent of magnitudes, so that parts 60 dB below the loudest still count
FLOOR = 0.03  # added to magnitudes; without it, silence would dominate the gradient
LAYOUT = torch.channels_last  # the layout in which half-precision convolutions are fast
SLOPE = 0.1

Judgement = tuple[Tensor, list[Tensor]]  # score map, feature maps


class PeriodJudge(nn.Module):
    """Discriminates by every p-th sample."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        convs = [
            nn.Conv2d(wide_in, wide_out, (5, 1), (3, 1), (2, 0))
            for wide_in, wide_out in pairwise(PERIOD_WIDTHS)
        ]
        convs.append(nn.Conv2d(PERIOD_WIDTHS[-1], PERIOD_WIDTHS[-1], (5, 1), padding=(2, 0)))
        self.convs = nn.ModuleList(weight_norm(conv) for conv in convs)
        self.score = weight_norm(nn.Conv2d(PERIOD_WIDTHS[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, audio: Tensor) -> Judgement:
        missing = -audio.shape[-1] % self.period
        folded = nnf.pad(audio[:, None], (0, missing), mode="reflect")
        x = folded.reshape(len(audio), 1, -1, self.period)
        return _judge(x, self.convs, self.score)


class SpectrumJudge(nn.Module):
    """Discriminates by a short-time Fourier transform at one resolution, with its phases."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        convs = [
            nn.Conv2d(wide_in, SPECTRUM_WIDTH, (3, 9), (1, stride), (1, 4))
            for wide_in, stride in zip((2, *[SPECTRUM_WIDTH] * 3), SPECTRUM_STRIDES, strict=True)
        ]
        convs.append(nn.Conv2d(SPECTRUM_WIDTH, SPECTRUM_WIDTH, 3, padding=1))
        self.convs = nn.ModuleList(weight_norm(conv) for conv in convs)
        self.score = weight_norm(nn.Conv2d(SPECTRUM_WIDTH, 1, 3, padding=1))

    def forward(self, audio: Tensor) -> Judgement:
        spectrum = transform(audio, self.window, self.window // 4)
        magnitude = (spectrum.square().sum(-1, keepdim=True) + FLOOR**2).sqrt()
        x = spectrum * magnitude ** (LOUDNESS - 1)
        return _judge(x.permute(0, 3, 2, 1), self.convs, self.score)


class Judges(nn.Module):
    """All discriminators."""

    def __init__(self) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [
                *(PeriodJudge(period) for period in PERIODS),
                *(SpectrumJudge(window) for window in WINDOWS),
            ]
        )

    def forward(self, audio: Tensor) -> list[Judgement]:
        return [judge(audio) for judge in self.judges]


def transform(audio: Tensor, window: int, hop: int) -> Tensor:
    """Real and imaginary parts. Shapes: (B, S) -> (B, bins, frames, 2)."""
    hann = torch.hann_window(window, device=audio.device)
    values = torch.stft(audio.float(), window, hop, window=hann, return_complex=True)
    return torch.view_as_real(values)


def spectrum(audio: Tensor, window: int, hop: int) -> Tensor:
    """Magnitudes. Shapes: (B, S) -> (B, bins, frames)."""
    return (transform(audio, window, hop).square().sum(-1) + 1e-9).sqrt()


def judge_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Least-squares loss: real towards 1, generated towards 0; summed over discriminators."""
    losses = [
        (1 - true.float()).square().mean() + false.float().square().mean()
        for (true, _), (false, _) in zip(real, made, strict=True)
    ]
    return torch.stack(losses).sum()


def deceive_loss(made: list[Judgement]) -> Tensor:
    """Least-squares loss: generated towards 1; summed over discriminators."""
    return torch.stack([(1 - score.float()).square().mean() for score, _ in made]).sum()


def feature_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Distance between feature maps of real and generated audio; summed over all maps."""
    distances = [
        (true.detach() - false).abs().mean(dtype=torch.float32)
        for (_, trues), (_, falses) in zip(real, made, strict=True)
        for true, false in zip(trues, falses, strict=True)
    ]
    return torch.stack(distances).sum()


def _judge(x: Tensor, convs: nn.ModuleList, score: nn.Module) -> Judgement:
    maps = []
    for conv in convs:
        x = nnf.leaky_relu(conv(x), SLOPE).to(memory_format=LAYOUT)
        maps.append(x)
    return score(x), maps
