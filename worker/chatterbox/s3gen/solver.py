"""Integrate a flow from noise to mel: Euler steps on a cosine schedule, classifier-free guidance.

Pure functions; the estimator is an argument. Source: docs/model.md, S3Gen, solver.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from worker.chatterbox.rows import upload
from worker.chatterbox.s3gen.packing import Packing
from worker.chatterbox.s3gen.unet import Condition

Estimate = Callable[[Tensor, Tensor, Condition, Packing], Tensor]


def cosine_times(steps: int) -> Tensor:
    """Make steps + 1 times from 0 to 1, dense near the noise. Shapes: (steps + 1,)."""
    return 1 - torch.cos(torch.linspace(0, 1, steps + 1) * (0.5 * math.pi))


def integrate(
    estimate: Estimate,
    noise: Tensor,
    condition: Condition,
    packing: Packing,
    *,
    times: Tensor,
    guidance: float,
) -> Tensor:
    """Integrate the guided velocity (1 + w) v(condition) - w v(unconditional) over all times.

    Both velocities come from one call on twice the rows; with w = 0 there is one velocity only.
    `packing` holds the rows `estimate` will see: each twice unless w = 0 (see `guided_lengths`).
    Shapes: noise (N, 80); times (steps + 1,) -> (N, 80).
    """
    x = noise
    conditions = condition if guidance == 0 else _beside_nothing(condition)
    for time, following in pairwise(upload(times, noise.device)):
        state = x if guidance == 0 else torch.cat([x, x])
        velocity = estimate(state, time.expand(packing.rows), conditions, packing)
        if guidance != 0:
            toward, away = velocity.chunk(2)
            velocity = (1 + guidance) * toward - guidance * away
        x = x + (following - time) * velocity
    return x


def guided_lengths(lengths: list[int], guidance: float) -> list[int]:
    """Return the lengths of the estimator's rows: conditional ones, then unconditional copies."""
    return lengths if guidance == 0 else [*lengths, *lengths]


def _beside_nothing(condition: Condition) -> Condition:
    def widen(part: Tensor) -> Tensor:
        return torch.cat([part, torch.zeros_like(part)])

    return Condition(
        features=widen(condition.features),
        prompt=widen(condition.prompt),
        timbre=widen(condition.timbre),
    )
