"""Short-time Fourier transform and inverse as fixed convolutions that respect each row's end.

A library transform would mirror or taper at the end of the padded batch; here every row is
mirrored and weighted at its own end.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.chatterbox.rows import Ends, mirror


def analyse(signal: Tensor, ends: Ends, n_fft: int, hop: int) -> Tensor:
    """Transform rows, centred frames, each row mirrored at both of its ends.

    Shapes: signal (B, S) -> (B, n_fft + 2, S / hop + 1): real parts, then imaginary parts.
    """
    mirrored = mirror(signal, ends, n_fft // 2)[:, None]
    return F.conv1d(mirrored, _analysis_kernel(n_fft, signal.device), stride=hop)


def synthesise(spectrum: Tensor, valid: Tensor | None, n_fft: int, hop: int) -> Tensor:
    """Overlap-add the frames of each row, weighted so that `analyse` is inverted.

    Shapes: spectrum (B, n_fft + 2, L); valid (B, 1, L), which frames exist -> (B, (L - 1) hop).
    """
    if valid is None:
        valid = torch.ones_like(spectrum[:1, :1])
    kernel, envelope = _synthesis_kernels(n_fft, spectrum.device)
    total = F.conv_transpose1d(spectrum * valid, kernel, stride=hop)
    weight = F.conv_transpose1d(valid, envelope, stride=hop)
    edge = n_fft // 2
    inside = slice(edge, edge + (spectrum.shape[-1] - 1) * hop)
    # After a short row's end no frame contributes, and the weight is zero too.
    return (total[..., inside] / weight[..., inside].clamp_min(1e-8)).squeeze(1)


@lru_cache(maxsize=8)
def _analysis_kernel(n_fft: int, device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):  # cached: a later call may record gradients
        window = torch.hann_window(n_fft, dtype=torch.float64)
        waves = _waves(n_fft) * window
        return torch.cat([waves[0], -waves[1]])[:, None].to(device, torch.float32)


@lru_cache(maxsize=8)
def _synthesis_kernels(n_fft: int, device: torch.device) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(mode=False):
        window = torch.hann_window(n_fft, dtype=torch.float64)
        share = torch.full((n_fft // 2 + 1, 1), 2.0 / n_fft, dtype=torch.float64)
        share[0] = share[-1] = 1.0 / n_fft  # the two bins that have no mirror image
        waves = _waves(n_fft) * share * window
        kernel = torch.cat([waves[0], -waves[1]])[:, None].to(device, torch.float32)
        return kernel, window.square()[None, None].to(device, torch.float32)


def _waves(n_fft: int) -> Tensor:
    """Shapes: (2, bins, n_fft): cosines and sines."""
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)[:, None]
    angles = 2 * math.pi / n_fft * bins * torch.arange(n_fft, dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()])
