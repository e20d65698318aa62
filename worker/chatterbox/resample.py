"""Changes a waveform's sample rate with the two resamplers that the networks were trained with.

The networks are sensitive to the difference: the T3 inputs come from SoX's, the S3Gen inputs from a
windowed sinc.
"""

import math
from functools import lru_cache

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_ZERO_CROSSINGS = 6
_ROLLOFF = 0.99  # as a share of the lower Nyquist rate


def resample_soxr(waveform: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """Resample at SoX's high quality to exactly ceil(S * to_hz / from_hz) samples.

    Shapes: (S,) -> (S',).
    """
    if from_hz == to_hz:
        return waveform
    length = math.ceil(len(waveform) * to_hz / from_hz)
    resampled = soxr.resample(waveform, from_hz, to_hz, quality="HQ")[:length]
    return np.pad(resampled, (0, length - len(resampled))).astype(np.float32)


def resample_sinc(waveform: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Resample by a Hann-windowed sinc of six zero crossings.

    Shapes: (..., S) -> (..., ceil(S * to_hz / from_hz)).
    Source: docs/model.md, resamplers (Julius Smith, Digital Audio Resampling).
    """
    divisor = math.gcd(from_hz, to_hz)
    stride, phases = from_hz // divisor, to_hz // divisor
    kernel = _kernel_on(stride, phases, waveform.device).to(waveform.dtype)
    margin = (kernel.shape[-1] - stride) // 2
    rows = waveform.reshape(-1, 1, waveform.shape[-1])
    padded = functional.pad(rows, (margin, margin + stride))
    filtered = functional.conv1d(padded, kernel, stride=stride)
    samples = filtered.transpose(1, 2).reshape(*waveform.shape[:-1], -1)
    return samples[..., : math.ceil(waveform.shape[-1] * phases / stride)]


@lru_cache(maxsize=8)  # copying it to a GPU at each call would make the GPU wait for the host
def _kernel_on(stride: int, phases: int, device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):  # cached: a later call may record gradients
        return torch.from_numpy(_sinc_kernel(stride, phases)).to(device)


def _sinc_kernel(stride: int, phases: int) -> NDArray[np.float32]:
    """Make one filter per phase that an output sample can have between input samples."""
    cutoff = min(stride, phases) * _ROLLOFF
    margin = math.ceil(_ZERO_CROSSINGS * stride / cutoff)
    at_input = np.arange(-margin, margin + stride) / stride
    at_output = -np.arange(phases) / phases
    time = np.clip(
        (at_output[:, None] + at_input) * cutoff, -float(_ZERO_CROSSINGS), float(_ZERO_CROSSINGS)
    )
    window = np.cos(time * math.pi / (2 * _ZERO_CROSSINGS)) ** 2
    kernel = np.sinc(time) * window * (cutoff / stride)
    return np.asarray(kernel[:, None], dtype=np.float32)
