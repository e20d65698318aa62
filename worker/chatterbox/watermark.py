"""Perth's inaudible watermark, added to batches of waveforms; weights from `resemble-perth`.

Knows nothing of speech: it marks the band below 2 kHz of any 24 kHz waveform.
Source: docs/model.md, watermark.
"""

import math
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from narration.errors import CheckpointError
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.chatterbox.cuda_graphs import GraphedRows, GraphPool
from worker.chatterbox.rows import Ends, OnRows, call_in_groups, call_padded, keep, mirror
from worker.chatterbox.weights import load_strict, read_tensors, select

# Perth analyses 64 ms every 10 ms at 32 kHz. The same windows of the same sound at 24 kHz give the
# same low bins, but for the scale, so nothing is resampled.
_PERTH_RATE_HZ = 32_000
_WINDOW = 2048 * SAMPLE_RATE_HZ // _PERTH_RATE_HZ
_HOP = 320 * SAMPLE_RATE_HZ // _PERTH_RATE_HZ
_SCALE = _PERTH_RATE_HZ / SAMPLE_RATE_HZ

_MARKED_BINS = 128  # 2 kHz
_HIDDEN = 256
_KERNELS = (1, 7, 7, 7, 7, 7, 1)
_QUIETEST = 1e-9  # -180 dB is 0 on Perth's scale
_RANGE_DB = 195.0  # from -180 dB to 15 dB, which is 1 on that scale
_LOUD_SHARE = 0.05  # frames below this share of the loudest are left alone
_ROWS_AT_ONCE = 16  # a row of 20 s takes 50 MB
_SAMPLE_STEP = 128 * _HOP
_MOST_SAMPLES = 24 * SAMPLE_RATE_HZ * _ROWS_AT_ONCE  # for all rows of a graph
_WEIGHTS = Path("perth_net/pretrained/implicit/perth_net_250000.pth.tar")


class Watermarker(nn.Module):
    """The encoder of PerthNet between a Fourier transform and its inverse."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        widths = [_MARKED_BINS, *[_HIDDEN] * (len(_KERNELS) - 1), _MARKED_BINS]
        self.layers = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv1d(wide, narrow, kernel, padding=kernel // 2)})
            for (wide, narrow), kernel in zip(pairwise(widths), _KERNELS, strict=True)
        )
        self.register_buffer("window", torch.hann_window(_WINDOW), persistent=False)
        self.fast_mark: OnRows | None = None

    def accelerate(self, pool: GraphPool | None = None) -> None:
        """Run `mark_padded` as CUDA graphs; `pool`: memory to share with other graphs."""
        self.fast_mark = GraphedRows(
            self.mark_padded,
            self.window.device,
            pool or GraphPool(),
            rates=(1,),
            most_rows=_ROWS_AT_ONCE,
            step=_SAMPLE_STEP,
            most=_MOST_SAMPLES,
        )

    @torch.no_grad()
    def mark(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """Mark waveforms of any lengths; a row does not depend on the others.

        Shapes: per row (S,) -> (S,).   Units: 24 kHz.
        """
        mark = self.fast_mark or partial(call_padded, self.mark_padded, device=self.window.device)
        lengths = [len(row) for row in waveforms]
        return call_in_groups(mark, [waveforms], lengths, most=_ROWS_AT_ONCE, rate=1)

    def mark_padded(self, signal: Tensor, ends: Ends) -> Tensor:
        """Mark a padded batch. Shapes: signal (B, S); ends in samples -> (B, S)."""
        return signal + self._residual(signal, ends)

    def _residual(self, signal: Tensor, ends: Ends) -> Tensor:
        valid = ends.divide(_HOP, more=1).mask()
        spectrum = self._analyse(signal, ends)
        magnitude = spectrum.abs().clamp_min(_QUIETEST)
        level = keep(_to_level(magnitude), valid)
        low, low_magnitude = level[:, :_MARKED_BINS], magnitude[:, :_MARKED_BINS]
        marked = _to_magnitude(low + self._predict(low, valid) * _is_loud(level))
        gain = keep((marked - low_magnitude) / low_magnitude, valid)
        return self._synthesise(spectrum[:, :_MARKED_BINS] * gain, valid, signal.shape[1])

    def _predict(self, level: Tensor, valid: Tensor | None) -> Tensor:
        x = level
        for layer in self.layers[:-1]:
            convolved = cast("nn.ModuleDict", layer)["conv"](x)
            x = keep(functional.leaky_relu(convolved), valid)
        return cast("nn.ModuleDict", self.layers[-1])["conv"](x)

    def _analyse(self, signal: Tensor, ends: Ends) -> Tensor:
        mirrored = mirror(signal, ends, _WINDOW // 2)
        spectrum = torch.stft(
            mirrored, _WINDOW, _HOP, window=self.window, center=False, return_complex=True
        )
        return spectrum * _SCALE

    def _synthesise(self, low: Tensor, valid: Tensor | None, length: int) -> Tensor:
        """Overlap-add the frames; each row is weighted only by its own frames."""
        frames = low.shape[-1]
        missing = _WINDOW // 2 + 1 - _MARKED_BINS
        pieces = torch.fft.irfft(functional.pad(low / _SCALE, (0, 0, 0, missing)), dim=1)
        window = self.window[None, :, None]
        exists = torch.ones(1, 1, frames, device=low.device) if valid is None else valid
        total = _overlap_add(pieces * window)
        weight = _overlap_add((window.square() * exists).expand(len(exists), -1, -1))
        inside = slice(_WINDOW // 2, _WINDOW // 2 + length)
        reached = min(length, total.shape[1] - _WINDOW // 2)
        ratio = total[:, inside] / weight[:, inside].clamp_min(1e-6)
        return functional.pad(ratio, (0, length - reached))


def load_watermarker(device: torch.device | str = "cpu") -> Watermarker:
    """Build the network with the official weights.

    Raises: CheckpointError if they are not installed.
    """
    path = find_weights()
    network = Watermarker()
    load_strict(network, select(read_tensors(path), "encoder."), str(path))
    return network.to(device).eval()


def find_weights() -> Path:
    """Find the weight file in the `resemble-perth` package, without importing the package.

    Raises: CheckpointError if the package is not installed.
    """
    package = find_spec("perth")
    if package is None or not package.submodule_search_locations:
        raise CheckpointError(
            "the watermark's weights are not installed: install resemble-perth, "
            "or switch the watermark off"
        )
    return Path(next(iter(package.submodule_search_locations))) / _WEIGHTS


def _to_level(magnitude: Tensor) -> Tensor:
    return (20 * (magnitude.log10() - math.log10(_QUIETEST))) / _RANGE_DB


def _to_magnitude(level: Tensor) -> Tensor:
    return 10 ** (level * _RANGE_DB / 20 + math.log10(_QUIETEST)).clamp(max=10)


def _is_loud(level: Tensor) -> Tensor:
    """Shapes: level (B, bins, frames) -> (B, 1, frames), ones and zeros."""
    total = level.sum(dim=1, keepdim=True)
    return (total > _LOUD_SHARE * total.amax(dim=2, keepdim=True)).float()


def _overlap_add(pieces: Tensor) -> Tensor:
    """Shapes: pieces (B, window, frames) -> (B, window + (frames - 1) hop)."""
    length = _WINDOW + (pieces.shape[-1] - 1) * _HOP
    folded = functional.fold(pieces, (1, length), (1, _WINDOW), stride=(1, _HOP))
    return folded[:, 0, 0]
