"""S3Tokenizer v2: converts a log-mel at 100 Hz to acoustic tokens at 25 Hz.

Module and parameter names are those of the official file, without their prefix `tokenizer.`.
Source: docs/model.md, speech tokenizer (CosyVoice 2).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from worker.chatterbox.config import SpeechTokenizerConfig
from worker.chatterbox.mel import REFERENCE_WINDOW, mask_of, pad_rows, reference_filters

FRAMES_PER_SPEECH_TOKEN = 4  # 100 Hz over 25 Hz: two convolutions of stride 2
MAY_MISS = frozenset({"_mel_filters", "window"})  # not in the official English file

_LEVELS = 3
_DIGITS = 8  # 3^8 codes
_BELOW_ONE = 0.9990000128746033  # keeps tanh off the edge of the outer levels; 0.999 in float32
_ROPE_THETA = 10_000.0

_WINDOW_FRAMES = 3000  # 30 s, the longest input the network was trained on
_OVERLAP_FRAMES = 400
_DROPPED_TOKENS = _OVERLAP_FRAMES // FRAMES_PER_SPEECH_TOKEN // 2  # at each inner side of a window


class SpeechTokenizer(nn.Module):
    """Encoder and finite scalar quantizer."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.mels = config.mels
        self.encoder = _Encoder(config)
        self.quantizer = _Quantizer(config.width)
        # Some official files contain the constants of the mel front end. They are declared for the
        # strict load; the front end computes its own.
        self.register_buffer("_mel_filters", reference_filters(config.mels))
        self.register_buffer("window", torch.hann_window(REFERENCE_WINDOW))

    def encode(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run the encoder alone; a padded row equals the same row by itself.

        Shapes: (B, mels, F), (B,) -> hidden (B, T, width), token lengths (B,); T = ceil(F / 4).
        """
        hidden: Tensor
        hidden, token_lengths = self.encoder(mel, lengths)
        return hidden, token_lengths

    def digits(self, hidden: Tensor) -> Tensor:
        """Project to the eight coordinates that `quantize` rounds to -1, 0 or 1.

        Shapes: (B, T, width) -> (B, T, 8).
        """
        projected: Tensor = self.quantizer(hidden)
        return projected.float().tanh() * _BELOW_ONE

    def quantize(self, hidden: Tensor) -> Tensor:
        """Return each frame's token: its rounded coordinates read as a base-3 number.

        Shapes: (B, T, width) -> (B, T), int64 under 6561.
        """
        levels = self.digits(hidden).round().long() + 1
        powers = _LEVELS ** torch.arange(_DIGITS, device=levels.device)
        return (levels * powers).sum(dim=-1)

    def forward(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Tokenize a padded batch of at most 30 s a row.

        Shapes: (B, mels, F), (B,) -> (B, T), (B,); values beyond a row's length are undefined.
        """
        hidden, token_lengths = self.encode(mel, lengths)
        return self.quantize(hidden), token_lengths

    def tokenize(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Tokenize mels of any length, those over 30 s in overlapping windows.

        Shapes: rows of (mels, F_i) -> rows of (ceil(F_i / 4),).
        """
        windows = [window for mel in mels for window in _windows(mel)]
        tokens, lengths = self(*pad_rows(windows))
        rows = iter([row[:length] for row, length in zip(tokens, lengths.tolist(), strict=True)])
        return [_join([next(rows) for _ in _windows(mel)]) for mel in mels]


class _Encoder(nn.Module):
    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.head_width = config.width // config.heads
        self.conv1 = nn.Conv1d(config.mels, config.width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(config.width, config.width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.layers))

    def forward(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = mel
        for conv in (self.conv1, self.conv2):
            x = functional.gelu(conv(x * mask_of(lengths, x.shape[-1])[:, None]))
            lengths = (lengths - 1) // 2 + 1
        x = x.transpose(1, 2)
        mask = mask_of(lengths, x.shape[1])
        rotation = _rotation_on(x.shape[1], self.head_width, x.device).to(x.dtype)
        for block in self.blocks:
            x = block(x, mask, rotation)
        return x, lengths


class _Block(nn.Module):
    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.attn = _Attention(config)
        self.attn_ln = nn.LayerNorm(config.width, eps=1e-5)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
        )
        self.mlp_ln = nn.LayerNorm(config.width, eps=1e-5)

    def forward(self, x: Tensor, mask: Tensor, rotation: Tensor) -> Tensor:
        x = x + self.attn(self.attn_ln(x), mask, rotation)
        fed: Tensor = self.mlp(self.mlp_ln(x))
        return x + fed


class _Attention(nn.Module):
    """Self-attention plus a memory: a depth-wise convolution over the values (FSMN)."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        width, taps = config.width, config.memory_kernel
        self.heads = config.heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.fsmn_block = nn.Conv1d(width, width, taps, padding=taps // 2, groups=width, bias=False)

    def forward(self, x: Tensor, mask: Tensor, rotation: Tensor) -> Tensor:
        value = self.value(x)
        attended = functional.scaled_dot_product_attention(
            _rotate(self._split(self.query(x)), rotation),
            _rotate(self._split(self.key(x)), rotation),
            self._split(value),
            attn_mask=mask[:, None, None],
        )
        out: Tensor = self.out(attended.transpose(1, 2).flatten(start_dim=2))
        return out + self._memory(value, mask[..., None])

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _memory(self, value: Tensor, mask: Tensor) -> Tensor:
        masked = value * mask
        memory: Tensor = self.fsmn_block(masked.transpose(1, 2)).transpose(1, 2)
        return (memory + masked) * mask


class _Quantizer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self._codebook = nn.ModuleDict({"project_down": nn.Linear(width, _DIGITS)})

    def forward(self, hidden: Tensor) -> Tensor:
        projected: Tensor = self._codebook["project_down"](hidden)
        return projected


def _rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate the two halves of each head against each other (rotary positions)."""
    cos, sin = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


@lru_cache(maxsize=32)
def _rotation_on(length: int, head_width: int, device: torch.device) -> Tensor:
    with torch.inference_mode(
        mode=False
    ):  # cached beyond this call, so it must be usable with gradients
        return torch.from_numpy(_rotation(length, head_width)).to(device)


def _rotation(length: int, head_width: int) -> NDArray[np.float32]:
    """Return cosines and sines of the rotary positions: (2, T, head_width / 2).

    The angles are computed in float32, as in training.
    """
    exponents = np.arange(0, head_width, 2, dtype=np.float32) / np.float32(head_width)
    frequencies = (1.0 / np.float32(_ROPE_THETA) ** exponents).astype(np.float32)
    angles = np.outer(np.arange(length, dtype=np.float32), frequencies)
    return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def _windows(mel: Tensor) -> list[Tensor]:
    """Cut a long mel so that each window but the first starts 4 s before its predecessor's end."""
    stride = _WINDOW_FRAMES - _OVERLAP_FRAMES
    last_start = max(mel.shape[-1] - _OVERLAP_FRAMES, 1)  # a later window would add no new frames
    return [mel[..., i : i + _WINDOW_FRAMES] for i in range(0, last_start, stride)]


def _join(windows: list[Tensor]) -> Tensor:
    """Join windows, dropping 2 s at every side where two of them overlap."""
    last = len(windows) - 1
    trimmed = [
        window[_DROPPED_TOKENS if i else 0 : None if i == last else -_DROPPED_TOKENS]
        for i, window in enumerate(windows)
    ]
    return torch.cat(trimmed)
