"""CUDA graphs: many kernels launched at once, again and again, on memory that stays where it is.

A graph of a few rows saves the time that a host takes to launch kernels one by one; a graph of many
leaves the interpreter to other threads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Kernels that fill `output` from the memory they were captured on."""

    graph: torch.cuda.CUDAGraph
    output: Tensor

    def replay(self) -> Tensor:
        """Launch the kernels. The next graph of the same pool may overwrite what is returned."""
        self.graph.replay()
        return self.output


class GraphPool:
    """Memory that graphs share which never run at the same time."""

    def __init__(self) -> None:
        self._handle: Any = None

    def capture(self, run: Callable[[], Tensor]) -> Captured:
        """Capture what `run` launches; takes about as long as three plain calls."""
        # A graph keeps what its stream has: the priority, and a share of the card.
        current = torch.cuda.current_stream()
        stream = torch.cuda.Stream() if current == torch.cuda.default_stream() else current
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            run()  # compiles, and lets libraries allocate what a capture must not
            run()
        current.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # T3's thread goes on using the device meanwhile.
        with torch.cuda.graph(
            graph, pool=self._handle, stream=stream, capture_error_mode="thread_local"
        ):
            output = run()
        self._handle = graph.pool()
        return Captured(graph=graph, output=output)


class GraphsByLength:
    """A function behind graphs, one for each size to which its inputs' last dimension is padded.

    Owned by one thread. A graph is captured when its sizes are first met.
    """

    def __init__(self, run: Callable[..., Tensor]) -> None:
        self._run = run
        self._pool = GraphPool()
        self._graphs: dict[tuple[int, ...], tuple[Captured, list[Tensor]]] = {}

    def __call__(self, values: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
        """Return what `run` makes of the values, each with zeros up to its size; a view to copy."""
        key = tuple(sizes)
        if key not in self._graphs:
            memory = [
                blank(*value.shape[:-1], size, like=value)
                for value, size in zip(values, sizes, strict=True)
            ]
            self._graphs[key] = self._pool.capture(lambda: self._run(*memory)), memory
        captured, memory = self._graphs[key]
        for part, value in zip(memory, values, strict=True):
            part.zero_()  # a value that was not finite must not outlive its call
            part[..., : value.shape[-1]] = value
        return captured.replay()


def round_up(length: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-length // step) * step


def blank(*shape: int, like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Make zeros that outlive the inference mode of one call, to be written to in the next."""
    with torch.inference_mode(mode=False):
        return torch.zeros(shape, dtype=dtype or like.dtype, device=like.device)
