"""The four mel front ends for a voice, as functions of a waveform, without weights.

Each takes (..., S) and gives (..., bins, F). Rows of different lengths are framed one by one and
brought together by `pad_rows`, because padding a waveform would change its last frames.
Source: docs/model.md, front ends.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from worker.chatterbox.config import MEL_BINS, REFERENCE_RATE_HZ, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

REFERENCE_HOP = REFERENCE_RATE_HZ // 100  # 10 ms
REFERENCE_WINDOW = REFERENCE_RATE_HZ // 40  # 25 ms
_PROMPT_WINDOW = 4 * SAMPLES_PER_FRAME  # 80 ms
_TOP_HZ = 8000.0  # every front end ends at this frequency, the 24 kHz one too

_SLANEY_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_LOG_STEP = math.log(6.4) / 27.0  # 27 steps from 1 kHz to 6.4 kHz

_KALDI_LOW_HZ = 20.0
_KALDI_FFT = 512  # the window size rounded up to a power of two
_KALDI_PREEMPHASIS = 0.97
_KALDI_WINDOW_POWER = 0.85  # Povey's window: a symmetric Hann to this power

_Floats: TypeAlias = NDArray[np.floating[Any]]


def speech_token_mel(waveform: Tensor, bins: int = 128) -> Tensor:
    """Compute the speech tokenizer's log-mel, scaled and floored 80 dB below its loudest bin.

    Shapes: (..., S) at 16 kHz -> (..., bins, S // 160).
    Source: docs/model.md, front ends (Whisper's features).
    """
    power = _power(waveform)[..., :-1]
    mel = _filters_of(REFERENCE_RATE_HZ, REFERENCE_WINDOW, bins, power) @ power
    log_mel = mel.clamp(min=1e-10).log10()
    floor = log_mel.amax(dim=(-2, -1), keepdim=True) - 8.0
    return (torch.maximum(log_mel, floor) + 4.0) / 4.0


def prompt_mel(waveform: Tensor, bins: int = MEL_BINS) -> Tensor:
    """Compute the log-mel of S3Gen's prompt and output: natural log of magnitudes.

    Shapes: (..., S) at 24 kHz -> (..., bins, S // 480).
    """
    margin = (_PROMPT_WINDOW - SAMPLES_PER_FRAME) // 2  # so that frames tile the samples exactly
    padded = _reflect(waveform, margin)
    spectrum = _stft(padded, _PROMPT_WINDOW, SAMPLES_PER_FRAME)
    magnitude = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-9)
    mel = _filters_of(SAMPLE_RATE_HZ, _PROMPT_WINDOW, bins, magnitude) @ magnitude
    return mel.clamp(min=1e-5).log()


def voice_encoder_mel(waveform: Tensor, bins: int = 40) -> Tensor:
    """Compute the voice encoder's mel powers: neither logarithm nor scaling.

    Shapes: (..., S) at 16 kHz -> (..., bins, 1 + S // 160).
    """
    power = _power(waveform)
    return _filters_of(REFERENCE_RATE_HZ, REFERENCE_WINDOW, bins, power) @ power


def x_vector_mel(waveform: Tensor, bins: int = 80) -> Tensor:
    """Compute Kaldi's filter bank without dither, each bin with zero mean over the recording.

    Shapes: (..., S) at 16 kHz -> (..., bins, 1 + (S - 400) // 160).
    Source: docs/model.md, front ends (Kaldi's compute-fbank-feats defaults).
    """
    frames = waveform.unfold(-1, REFERENCE_WINDOW, REFERENCE_HOP)
    frames = frames - frames.mean(dim=-1, keepdim=True)
    previous = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
    hann = torch.hann_window(REFERENCE_WINDOW, periodic=False, dtype=frames.dtype)
    window = hann.pow(_KALDI_WINDOW_POWER).to(frames.device)
    spectrum = torch.fft.rfft((frames - _KALDI_PREEMPHASIS * previous) * window, n=_KALDI_FFT)
    power = spectrum.abs().square().transpose(-1, -2)
    mel = torch.from_numpy(_kaldi_filters(bins)).to(power) @ power
    log_mel = mel.clamp(min=torch.finfo(torch.float32).eps).log()
    centered: Tensor = log_mel - log_mel.mean(dim=-1, keepdim=True)
    return centered


def pad_rows(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack mels of different lengths, zero-padded on the right.

    Shapes: rows of (bins, F_i) -> (B, bins, max F_i), lengths (B,).
    """
    lengths = [row.shape[-1] for row in rows]
    longest = max(lengths)
    padded = [
        functional.pad(row, (0, longest - length))
        for row, length in zip(rows, lengths, strict=True)
    ]
    return torch.stack(padded), torch.tensor(lengths, device=rows[0].device)


def mask_of(lengths: Tensor, longest: int) -> Tensor:
    """Mark the valid positions of padded rows.

    Shapes: (B,) -> (B, longest), bool.
    """
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def reference_filters(bins: int) -> Tensor:
    """Return Slaney's mel filters for the 16 kHz front ends.

    Shapes: -> (bins, 201).
    """
    return torch.tensor(_slaney_filters(REFERENCE_RATE_HZ, REFERENCE_WINDOW, bins))


def _filters_of(rate_hz: int, n_fft: int, bins: int, spectrum: Tensor) -> Tensor:
    return _filters_on(rate_hz, n_fft, bins, spectrum.device).to(spectrum.dtype)


@lru_cache(maxsize=16)  # copying it to a GPU at each call would make the GPU wait for the host
def _filters_on(rate_hz: int, n_fft: int, bins: int, device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):  # cached: a later call may record gradients
        return torch.from_numpy(_slaney_filters(rate_hz, n_fft, bins)).to(device)


# Arrays are cached, not tensors: one created in inference mode could not be trained with.
@lru_cache(maxsize=16)
def _slaney_filters(rate_hz: int, n_fft: int, bins: int) -> NDArray[np.float32]:
    """Make triangles of equal area, 0 Hz to 8 kHz.

    Source: Slaney's Auditory Toolbox scale, linear under 1 kHz and logarithmic above.
    """
    edges_hz = _slaney_to_hz(np.linspace(0.0, _slaney_mel(_TOP_HZ), bins + 2))
    bins_hz = np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return (_triangles(edges_hz, bins_hz) * area[:, None]).astype(np.float32)


@lru_cache(maxsize=4)
def _kaldi_filters(bins: int) -> NDArray[np.float32]:
    """Make triangles on the mel axis itself; the bin at half the sample rate is left out.

    In float32 like Kaldi: the rounding of its mel axis reaches the fifth digit of the slopes.
    """
    low, high = _kaldi_mel(np.array([_KALDI_LOW_HZ, _TOP_HZ]))
    edges = low + np.arange(bins + 2, dtype=np.float32) * np.float32((high - low) / (bins + 1))
    bins_hz = np.arange(_KALDI_FFT // 2, dtype=np.float32) * (REFERENCE_RATE_HZ / _KALDI_FFT)
    triangles = _triangles(edges.astype(np.float32), _kaldi_mel(bins_hz.astype(np.float32)))
    return np.pad(triangles, ((0, 0), (0, 1)))


def _triangles(edges: _Floats, at: _Floats) -> _Floats:
    low, peak, high = (edges[i : len(edges) - 2 + i, None] for i in range(3))
    return np.clip(np.minimum((at - low) / (peak - low), (high - at) / (high - peak)), 0.0, None)


def _slaney_mel(hz: float) -> float:
    """Convert a frequency in the logarithmic part of the scale to mels."""
    break_mel = _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ_PER_MEL
    return break_mel + math.log(hz / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP


def _slaney_to_hz(mels: _Floats) -> _Floats:
    linear = mels * _SLANEY_LINEAR_HZ_PER_MEL
    break_mel = _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ_PER_MEL
    logarithmic = _SLANEY_BREAK_HZ * np.exp(_SLANEY_LOG_STEP * (mels - break_mel))
    return np.where(mels < break_mel, linear, logarithmic)


def _kaldi_mel(hz: _Floats) -> _Floats:
    mels: _Floats = 1127.0 * np.log(1.0 + hz / 700.0)
    return mels


def _power(waveform: Tensor) -> Tensor:
    """Compute the power spectrum at 100 Hz, frames centred on their samples, the ends reflected."""
    padded = _reflect(waveform, REFERENCE_WINDOW // 2)
    return _stft(padded, REFERENCE_WINDOW, REFERENCE_HOP).abs().square()


def _reflect(waveform: Tensor, margin: int) -> Tensor:
    flat = waveform.reshape(-1, waveform.shape[-1])
    return functional.pad(flat, (margin, margin), mode="reflect").reshape(*waveform.shape[:-1], -1)


def _stft(waveform: Tensor, window: int, hop: int) -> Tensor:
    flat = waveform.reshape(-1, waveform.shape[-1])
    hann = torch.hann_window(window, dtype=waveform.dtype, device=waveform.device)
    spectrum = torch.stft(flat, window, hop, window=hann, center=False, return_complex=True)
    return spectrum.reshape(*waveform.shape[:-1], *spectrum.shape[1:])
