"""A distance between waveforms: log-mels at several resolutions, up to half the sample rate.

Source: Descript's codec (arXiv 2306.06546), multi-scale mel loss.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from training.discriminators import spectrum
from worker.chatterbox.config import SAMPLE_RATE_HZ

SCALES = ((128, 16), (256, 32), (512, 64), (1024, 128), (2048, 192))  # window, bins
SILENCE = (
    0.01  # added to magnitudes: noise of -80 dBFS; anything quieter should not affect training
)


def mel_distance(real: Tensor, made: Tensor) -> Tensor:
    """Return the mean distance of log-mels over all scales. Shapes: (B, S), (B, S) -> scalar."""
    distances = [
        (_log_mel(made, window, bins) - _log_mel(real, window, bins)).abs().mean()
        for window, bins in SCALES
    ]
    return torch.stack(distances).mean()


def _log_mel(audio: Tensor, window: int, bins: int) -> Tensor:
    magnitude = spectrum(audio, window, window // 4)
    mel: Tensor = _filters(window, bins, audio.device) @ magnitude
    return (mel + SILENCE).log()


@lru_cache(maxsize=16)
def _filters(window: int, bins: int, device: torch.device) -> Tensor:
    """Return triangular filters of height 1, even in mel. Shapes: -> (bins, window / 2 + 1)."""
    top = _to_mel(SAMPLE_RATE_HZ / 2)
    mels = torch.linspace(0, top, bins + 2, dtype=torch.float64)
    edges = 700 * (torch.exp(mels / 1127) - 1)
    at = torch.arange(window // 2 + 1, dtype=torch.float64) * (SAMPLE_RATE_HZ / window)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    # A low band may lie between two bins of the spectrum, so no filter is narrower than a bin.
    line = SAMPLE_RATE_HZ / window
    rising = (at - torch.minimum(low, peak - line)) / (peak - torch.minimum(low, peak - line))
    falling = (torch.maximum(high, peak + line) - at) / (torch.maximum(high, peak + line) - peak)
    return torch.minimum(rising, falling).clamp(min=0).to(device, torch.float32)


def _to_mel(hz: float) -> float:
    return 1127 * math.log(1 + hz / 700)
