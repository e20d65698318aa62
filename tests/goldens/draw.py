"""Random weights that goldens and tests derive from names and shapes, so no file stores them."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def draw_state(
    shapes: Mapping[str, torch.Size], *, seed: int, gains: Mapping[str, float]
) -> dict[str, Tensor]:
    """Return one random tensor per name, each from its own generator.

    Matrices preserve the scale of their input; values of tables and vectors are about one. `gains`
    scales tensors by the end of their name.
    """
    state = {}
    for name, shape in shapes.items():
        key = hashlib.sha256(f"{seed} {name}".encode()).digest()
        draw = torch.Generator("cpu").manual_seed(int.from_bytes(key[:6], "big"))
        gain = next((g for end, g in gains.items() if name.endswith(end)), 1.0)
        state[name] = gain * _draw(name, shape, draw)
    return state


def _draw(name: str, shape: torch.Size, draw: torch.Generator) -> Tensor:
    if len(shape) == 1:
        around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        return around + 0.3 * torch.randn(shape, generator=draw).clamp(-2, 2)
    noise = torch.randn(shape, generator=draw)
    is_table = "emb" in name or "query" in name
    return noise if is_table else noise / shape[1] ** 0.5
