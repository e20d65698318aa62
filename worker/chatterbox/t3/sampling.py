"""Samples the next speech token from logits: pure functions over rows with their own settings.

The order is upstream's: repetition penalty, temperature, min-p, top-p, draw. Guidance happens
before, in `worker.chatterbox.t3.decoder`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How one utterance is sampled. Temperature 0 takes the likeliest token every time."""

    guidance: float = 0.5
    temperature: float = 0.8
    repetition_penalty: float = 1.2
    min_p: float = 0.05
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a batch. Shapes: all (B, 1), float32."""

    temperature: Tensor
    repetition_penalty: Tensor
    min_p: Tensor
    top_p: Tensor
    has_top_p: bool  # if no row uses top-p, the sort, which is most of the work, is skipped
    has_greedy: bool

    @classmethod
    def collate(cls, rows: Sequence[Sampling], device: torch.device) -> Self:
        """Stack the settings of all rows into columns."""

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None]

        return cls(
            temperature=column([row.temperature for row in rows]),
            repetition_penalty=column([row.repetition_penalty for row in rows]),
            min_p=column([row.min_p for row in rows]),
            top_p=column([row.top_p for row in rows]),
            has_top_p=any(row.top_p < 1 for row in rows),
            has_greedy=any(row.temperature == 0 for row in rows),
        )


def make_noise(seed: int, steps: int) -> Tensor:
    """Draw one uniform number in [0, 1) per step, the same on every device.

    Shape: (steps,) float64 on the CPU.
    """
    draw = torch.Generator("cpu").manual_seed(seed)
    return torch.rand(steps, generator=draw, dtype=torch.float64)


def choose(logits: Tensor, seen: Tensor, settings: Settings, noise: Tensor) -> Tensor:
    """Take the next token of each row. Shapes: logits, seen (B, V), noise (B,) -> (B,)."""
    penalized = penalize(logits, seen, settings.repetition_penalty)
    drawn = draw(token_weights(penalized, settings), noise)
    if not settings.has_greedy:
        return drawn
    return torch.where(settings.temperature[:, 0] == 0, penalized.argmax(dim=-1), drawn)


def penalize(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Make tokens that have occurred before less likely. Shapes: seen (B, V), penalty (B, 1).

    Source: Keskar et al. 2019, with the sign rule of its common implementation.
    """
    weakened = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, weakened, logits)


def token_weights(logits: Tensor, settings: Settings) -> Tensor:
    """Apply temperature, min-p and top-p; excluded tokens get weight 0.

    Shapes: (B, V) -> (B, V), unnormalised probabilities.
    """
    is_greedy = settings.temperature == 0
    weights = (logits / settings.temperature.masked_fill(is_greedy, 1.0)).softmax(dim=-1)
    weights = keep_min_p(weights, settings.min_p)
    return keep_top_p(weights, settings.top_p) if settings.has_top_p else weights


def keep_min_p(weights: Tensor, min_p: Tensor) -> Tensor:
    """Exclude tokens below a share of the most probable one's weight (Nguyen et al. 2024)."""
    return weights.masked_fill(weights < min_p * weights.amax(dim=-1, keepdim=True), 0.0)


def keep_top_p(weights: Tensor, top_p: Tensor) -> Tensor:
    """Exclude the least probable tokens, with a total share of at most 1 - top_p; one stays."""
    ascending, order = weights.sort(dim=-1)
    tail = ascending.cumsum(dim=-1)
    is_tail = tail <= (1 - top_p) * tail[:, -1:]
    is_tail[:, -1] = False
    return weights.masked_fill(is_tail.scatter(1, order, is_tail), 0.0)


def draw(weights: Tensor, noise: Tensor) -> Tensor:
    """Invert the cumulative distribution: one random number decides a row in any batch.

    Shapes: weights (B, V), noise (B,) float64 in [0, 1) -> (B,).
    """
    cumulative = weights.double().cumsum(dim=-1)
    target = noise[:, None] * cumulative[:, -1:]
    tokens = torch.searchsorted(cumulative, target, right=True)[:, 0]
    return tokens.clamp_max(weights.shape[1] - 1)
