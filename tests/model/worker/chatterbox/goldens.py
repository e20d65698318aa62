"""Read golden outputs: toy ones are committed, full ones are made by `make goldens`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from torch import Tensor

ROOT = Path(__file__).parents[4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One file of goldens: tensors, and what the maker wrote about them."""

    tensors: dict[str, Tensor]
    facts: dict[str, str]
    tolerance: float  # relative, against the largest value

    def weights(self, prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }

    def config(self, kind: Any) -> Any:
        sizes = json.loads(self.facts["config"])
        plain = {k: tuple(v) if isinstance(v, list) else v for k, v in sizes.items()}
        return kind(**plain)

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]


def read_golden(name: str, size: str) -> Golden:
    """Open the golden of a network at "toy" or "full" size; skip where full ones were not made."""
    folder = ROOT / ("tests/data/goldens" if size == "toy" else "goldens")
    path = folder / f"{name}.safetensors"
    if size == "full" and not path.exists():
        pytest.skip(f"{path.relative_to(ROOT)} is not there: make goldens")
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        facts = file.metadata()
    return Golden(tensors=tensors, facts=facts, tolerance=1e-5 if size == "toy" else 1e-4)


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest expected value."""
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    largest = expected.double().abs().max()
    return float((actual.double() - expected.double()).abs().max() / largest)
