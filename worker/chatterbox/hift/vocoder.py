"""Mel to waveform: pitch, harmonic source, upsampling network, inverse Fourier transform.

Source: docs/model.md, HiFT (arXiv 2309.09493). Batched over rows of any length: see layers.py.
"""

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import MEL_BINS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, HiftConfig
from worker.chatterbox.hift.f0 import PitchPredictor
from worker.chatterbox.hift.layers import ResidualBlock, same_padding
from worker.chatterbox.hift.source import Source, SourceNoise
from worker.chatterbox.hift.spectrum import analyse, synthesise
from worker.chatterbox.rows import Ends, OnRows, call_in_groups, call_padded, keep

SLOPE = 0.1  # leaky ReLU between the stages; after the last it is torch's 0.01
_MAX_MAGNITUDE = 100.0
_LOUDEST = 0.99
_EDGE_KERNEL = 7  # first and last convolution
ROWS_AT_ONCE = 16  # a row of 20 s has 0.2 GB of activations
# On an H200 four rows of 10 s take 88 ms per graph, 16 rows 31 ms.
SLOW_ROWS = 4
_FADE = SAMPLE_RATE_HZ // 50  # 20 ms of silence, then a 20 ms fade-in


class Vocoder(nn.Module):
    """HiFT: the tensors under `mel2wav.` in the checkpoint, with weight norm folded."""

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.base_channels >> stage for stage in range(len(config.upsample_rates) + 1)]
        bins = config.n_fft + 2
        self.f0_predictor = PitchPredictor(config)
        self.m_source = Source(config)
        padding = same_padding(_EDGE_KERNEL)
        self.conv_pre = nn.Conv1d(MEL_BINS, widths[0], _EDGE_KERNEL, padding=padding)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(wide, narrow, kernel, rate, padding=(kernel - rate) // 2)
            for (wide, narrow), rate, kernel in zip(
                pairwise(widths), config.upsample_rates, config.upsample_kernels, strict=True
            )
        )
        self.source_downs = nn.ModuleList(
            _source_conv(bins, width, math.prod(config.upsample_rates[stage:]))
            for stage, width in enumerate(widths[1:], start=1)
        )
        self.source_resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, config.resblock_dilations)
            for width, kernel in zip(widths[1:], config.source_kernels, strict=True)
        )
        self.resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, config.resblock_dilations)
            for width in widths[1:]
            for kernel in config.resblock_kernels
        )
        self.conv_post = nn.Conv1d(widths[-1], bins, _EDGE_KERNEL, padding=padding)
        # Set by `accelerate_vocoder`: the filter in half precision, and `speak` as CUDA graphs.
        self.fast_filter: Callable[[Tensor, Tensor, Ends], Tensor] | None = None
        self.rows_at_once = ROWS_AT_ONCE
        self.fast_speak: OnRows | None = None

    @torch.no_grad()
    def synthesize(self, mels: Sequence[Tensor], noise: Sequence[SourceNoise]) -> list[Tensor]:
        """Make waveforms of rows of mel; a row's waveform does not depend on the others.

        Shapes: per row mel (80, F), noise for F frames -> (S,).   Units: log-mel; 24 kHz.
        """
        device = self.conv_pre.weight.device
        speak = self.fast_speak or partial(call_padded, self.speak, device=device)
        columns = [
            [mel.T for mel in mels],
            [row.phases for row in noise],
            [row.noise for row in noise],
        ]
        lengths = [mel.shape[1] for mel in mels]
        return call_in_groups(
            speak, columns, lengths, most=self.rows_at_once, rate=SAMPLES_PER_FRAME
        )

    def speak(self, frames: Tensor, phases: Tensor, noise: Tensor, ends: Ends) -> Tensor:
        """Make waveforms of a padded batch.

        Shapes: frames (B, F, 80); phases (B, harmonics); noise (B, S); ends in frames -> (B, S).
        """
        mel = frames.transpose(1, 2)
        f0 = self.f0_predictor(mel, ends.mask())
        return fade_in(self.decode(mel, self.m_source(f0, phases, noise), ends))

    def decode(self, mel: Tensor, source: Tensor, ends: Ends) -> Tensor:
        """Filter an excitation by a mel.

        Shapes: mel (B, 80, F); source (B, S); ends in frames -> (B, S).
        """
        n_fft, hop = self.config.n_fft, self.config.hop
        stages = self.ends(ends)
        excitation = analyse(source, ends.scale(SAMPLES_PER_FRAME), n_fft, hop)
        if self.fast_filter is None:
            spoken = self.filter(mel, excitation, [stage.mask() for stage in stages])
        else:
            spoken = self.fast_filter(mel, excitation, ends)
        magnitude, phase = spoken.chunk(2, dim=1)
        magnitude = magnitude.float().exp().clamp(max=_MAX_MAGNITUDE)
        phase = phase.float().sin()
        spectrum = torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], dim=1)
        return synthesise(spectrum, stages[-1].mask(), n_fft, hop).clamp(-_LOUDEST, _LOUDEST)

    def filter(self, mel: Tensor, excitation: Tensor, masks: Sequence[Tensor | None]) -> Tensor:
        """Run the network itself: only convolutions, so that it can be compiled.

        Shapes: mel (B, 80, F); excitation (B, 18, L); masks, one for the mel and one per stage
        -> (B, 18, L).
        """
        excitation = keep(excitation, masks[-1])
        x = keep(self.conv_pre(keep(mel, masks[0])), masks[0])
        last = len(self.ups) - 1
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            if stage == last:
                x = F.pad(x, (1, 0), mode="reflect")  # centred frames: one more than hops
            x = keep(x, masks[stage + 1]) + self._excite(stage, excitation, masks[stage + 1])
            x = self._refine(stage, x, masks[stage + 1])
        return self.conv_post(F.leaky_relu(x))

    def ends(self, ends: Ends) -> list[Ends]:
        """Return where rows end: in the mel, then after each stage."""
        *before, last = accumulate(self.config.upsample_rates, operator.mul)
        centred = ends.scale(last, more=1)
        return [ends, *(ends.scale(rate) for rate in before), centred]

    def _excite(self, stage: int, excitation: Tensor, valid: Tensor | None) -> Tensor:
        x = keep(self.source_downs[stage](excitation), valid)
        return self.source_resblocks[stage](x, valid)

    def _refine(self, stage: int, x: Tensor, valid: Tensor | None) -> Tensor:
        count = len(self.config.resblock_kernels)
        blocks = list(self.resblocks)[stage * count : (stage + 1) * count]
        total = blocks[0](x, valid)
        for block in blocks[1:]:
            total = total + block(x, valid)
        return total / count


def fade_in(waveforms: Tensor) -> Tensor:
    """Silence the first 20 ms and fade in the next 20: the voice's recording may leak in there.

    Shapes: (B, S) -> (B, S).
    """
    rise = (torch.linspace(math.pi, 0, _FADE, device=waveforms.device).cos() + 1) / 2
    envelope = torch.cat([torch.zeros_like(rise), rise])[: waveforms.shape[1]]
    start = len(envelope)
    return torch.cat([waveforms[:, :start] * envelope, waveforms[:, start:]], dim=1)


def _source_conv(bins: int, width: int, rate: int) -> nn.Conv1d:
    if rate == 1:
        return nn.Conv1d(bins, width, 1)
    return nn.Conv1d(bins, width, 2 * rate, rate, padding=rate // 2)
