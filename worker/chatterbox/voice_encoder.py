"""The voice encoder: converts a recording to the speaker identity that T3 is conditioned on.

Parameter names are those of the official `ve.safetensors`.
Source: docs/model.md, voice encoder (GE2E, arXiv 1710.10467).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.chatterbox.config import REFERENCE_RATE_HZ, VoiceEncoderConfig

_PARTIAL_FRAMES = 160  # 1.6 s, the network's input length
_PARTIALS_PER_SECOND = 1.3
_STEP_FRAMES = round(REFERENCE_RATE_HZ / _PARTIALS_PER_SECOND / _PARTIAL_FRAMES)
_COVERAGE = 0.8  # the last partial counts if this much of it is filled

_TRIM_WINDOW = 2048
_TRIM_HOP = 512
_TRIM_DB = 20.0
_TRIM_QUIETEST = 1e-5  # smaller amplitudes count as this


class VoiceEncoder(nn.Module):
    """Three LSTM layers, a projection, and a mean over overlapping partials."""

    def __init__(self, config: VoiceEncoderConfig) -> None:
        super().__init__()
        self.mels = config.mels
        self.lstm = nn.LSTM(config.mels, config.hidden, config.layers, batch_first=True)
        self.proj = nn.Linear(config.hidden, config.width)
        # They scale similarities in the training loss; declared so that the file loads strictly.
        self.similarity_weight = nn.Parameter(torch.tensor([10.0]))
        self.similarity_bias = nn.Parameter(torch.tensor([-5.0]))

    def forward(self, partials: Tensor) -> Tensor:
        """Embed partials of equal length.

        Shapes: (B, mels, 160) -> (B, 256), of unit length.
        """
        _, (hidden, _) = self.lstm(partials.transpose(1, 2))
        return functional.normalize(functional.relu(self.proj(hidden[-1])), dim=-1)

    def embed(self, mels: Sequence[Tensor]) -> Tensor:
        """Embed recordings of any length, all their partials in one batch.

        Shapes: rows of (mels, F_i) -> (B, 256), of unit length.
        """
        partials = [_partials(mel) for mel in mels]
        rows = self(torch.cat(partials)).split([len(row) for row in partials])
        return torch.stack([functional.normalize(row.mean(dim=0), dim=-1) for row in rows])


def trim_silence(waveform: Tensor) -> Tensor:
    """Trim both ends where they are 20 dB below the loudest moment.

    Shapes: (S,) -> (S' <= S,).   Source: docs/model.md, voice encoder (librosa's trim).
    """
    margin = _TRIM_WINDOW // 2
    frames = functional.pad(waveform, (margin, margin)).unfold(0, _TRIM_WINDOW, _TRIM_HOP)
    level = frames.square().mean(dim=-1).sqrt().clamp(min=_TRIM_QUIETEST)
    loud = (level > level.max() * 10 ** (-_TRIM_DB / 20)).nonzero().flatten().tolist()
    return waveform[loud[0] * _TRIM_HOP : (loud[-1] + 1) * _TRIM_HOP]


def _partials(mel: Tensor) -> Tensor:
    """Cut a mel into overlapping partials: (mels, F) -> (n, mels, 160)."""
    count = _count_partials(mel.shape[-1])
    needed = _PARTIAL_FRAMES + _STEP_FRAMES * (count - 1)
    fitted = functional.pad(mel, (0, max(needed - mel.shape[-1], 0)))[..., :needed]
    return fitted.unfold(-1, _PARTIAL_FRAMES, _STEP_FRAMES).transpose(0, 1)


def _count_partials(frames: int) -> int:
    overlap = _PARTIAL_FRAMES - _STEP_FRAMES
    count, remainder = divmod(max(frames - overlap, 0), _STEP_FRAMES)
    is_last_filled = (remainder + overlap) / _PARTIAL_FRAMES >= _COVERAGE
    return count + 1 if count == 0 or is_last_filled else count
