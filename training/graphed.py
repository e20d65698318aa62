"""A training step as CUDA graphs.

The bundled networks are small: a step is some thousands of kernels of a few microseconds, and
launching them one by one from Python takes ten times as long as running them.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

WARM_UP = 3  # ordinary steps before a capture: libraries choose kernels and allocate memory in them

Figures: TypeAlias = dict[str, Tensor]


class GraphedStep:
    """Replays a step, which is captured once for each variant of it (`key`).

    The step draws its own batch on the device and reads nothing from the host. The losses that it
    returns are overwritten by the next step of the same key. On a CPU, the step simply runs.
    """

    def __init__(self, step: Callable[..., Figures], device: torch.device) -> None:
        self._step = step
        self._device = device
        self._graphs: dict[tuple[object, ...], tuple[torch.cuda.CUDAGraph, Figures]] = {}

    def __call__(self, *key: object) -> Figures:
        if self._device.type != "cuda":
            return self._step(*key)
        if key not in self._graphs:
            self._graphs[key] = self._capture(key)
        graph, figures = self._graphs[key]
        graph.replay()
        return figures

    def _capture(self, key: tuple[object, ...]) -> tuple[torch.cuda.CUDAGraph, Figures]:
        torch.cuda.synchronize(self._device)
        side = torch.cuda.Stream(self._device)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._step(*key)
        torch.cuda.synchronize(self._device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):
            figures = {name: value.detach() for name, value in self._step(*key).items()}
        return graph, figures
