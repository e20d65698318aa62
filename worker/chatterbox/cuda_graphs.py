"""CUDA graphs: many kernels launched at once, again and again, on memory that stays where it is.

A graph of a few rows saves the time that a host takes to launch kernels one by one; a graph of many
leaves the interpreter to other threads.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import torch
from torch import Tensor

from worker.chatterbox.rows import Columns, Ends, call_padded, catch_up, pad_rows, upload

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Kernels that fill `output` from the memory they were captured on."""

    graph: torch.cuda.CUDAGraph
    output: Tensor

    def replay(self) -> Tensor:
        """Launch the kernels. The next graph of the same pool may overwrite what is returned."""
        catch_up(self.output.device)
        self.graph.replay()
        return self.output


@contextmanager
def recorded_on(stream: torch.cuda.Stream) -> Iterator[None]:
    """Within a capture, record kernels on another stream, whose priority they keep.

    Nobody else may use that stream meanwhile.
    """
    capturing = torch.cuda.current_stream()
    stream.wait_stream(capturing)
    with torch.cuda.stream(stream):
        yield
    capturing.wait_stream(stream)


class GraphPool:
    """Memory that graphs share which never run at the same time; owned by one thread at a time.

    `open_stream` makes the stream to capture on, which nobody else may use: what another thread
    does there during a capture breaks it. (torch has 32 of each priority, and after the last deals
    the first out again.) A graph keeps that stream's priority.
    """

    def __init__(self, open_stream: Callable[[], torch.cuda.Stream] = torch.cuda.Stream) -> None:
        self._open_stream = open_stream
        self._stream: torch.cuda.Stream | None = None
        self._handle: Any = None
        self._is_broken = False

    def capture(self, run: Callable[[], Tensor]) -> Captured | None:
        """Capture what `run` launches; takes about as long as three plain calls.

        None if there is no memory for it, or if it cannot be captured: then nothing is captured any
        more, because a broken capture leaves the pool in an unknown state.
        """
        if self._is_broken:
            return None
        current = torch.cuda.current_stream()
        stream = self._stream = self._stream or self._open_stream()
        graph = torch.cuda.CUDAGraph()
        try:
            _warm_up(run, stream)
            # T3's thread goes on using the device meanwhile.
            with torch.cuda.graph(
                graph, pool=self._handle, stream=stream, capture_error_mode="thread_local"
            ):
                output = run()
        except torch.OutOfMemoryError:
            log.warning("no_memory_for_a_graph")
            return None
        except RuntimeError:
            log.exception("graph_not_captured")
            self._is_broken = True
            return None
        finally:
            torch.cuda.set_stream(current)  # which a capture that breaks leaves another
        self._handle = graph.pool()
        return Captured(graph=graph, output=output)


def _warm_up(run: Callable[[], Tensor], stream: torch.cuda.Stream) -> None:
    """Let code be compiled, and libraries allocate what a capture must not."""
    current = torch.cuda.current_stream()
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        run()
        run()
    current.wait_stream(stream)


class GraphedRows:
    """A function of padded rows behind graphs; rows and places are rounded up to few shapes.

    A library that meets a new shape chooses its kernels anew, and plans a convolution for
    milliseconds: so every batch would wait for the host. Owned by one thread at a time. A graph is
    captured when its shape is first met.
    """

    def __init__(
        self,
        run: Callable[..., Tensor],
        device: torch.device,
        pool: GraphPool,
        *,
        rates: Sequence[int],
        most_rows: int,
        step: int,
        most: int,
        slow_rows: int = 0,
    ) -> None:
        """`run` is called as `rows.call_padded` calls it.

        `rates`: of each input, how much longer its rows are than told; 0 if all are equally long.
        Rows are rounded up to a power of two, lengths to `step` for a row alone and to twice as
        much for several. Beyond `most_rows`, or `most` places of all rows, there is no graph.
        `slow_rows` take longer than twice as many, and so become these.
        """
        self._run, self._device, self._pool = run, device, pool
        self._rates, self._step = rates, step
        self._most_rows, self._most, self._slow_rows = most_rows, most, slow_rows
        # None for a shape whose capture failed.
        self._graphs: dict[tuple[int, int], tuple[Captured, list[Tensor]] | None] = {}

    def __call__(self, columns: Columns, lengths: Sequence[int]) -> Tensor:
        """Call the function on rows of these lengths; its output may be padded further."""
        count = power_above(len(lengths))
        if count == self._slow_rows:
            count *= 2
        longest = round_up(max(lengths), self._step if count == 1 else 2 * self._step)
        if count > self._most_rows or count * longest > self._most:
            return call_padded(self._run, columns, lengths, self._device)
        values = [
            pad_rows(rows, count, rate * longest or len(rows[0]))
            for rows, rate in zip(columns, self._rates, strict=True)
        ]
        values.append(torch.tensor([*lengths, *[0] * (count - len(lengths))]))
        if (count, longest) not in self._graphs:
            self._graphs[count, longest] = self._capture(values, longest)
        graph = self._graphs[count, longest]
        if graph is None:
            return call_padded(self._run, columns, lengths, self._device)
        captured, memory = graph
        _overwrite(memory, values)
        return captured.replay()[: len(lengths)].clone()

    def _capture(
        self, values: Sequence[Tensor], longest: int
    ) -> tuple[Captured, list[Tensor]] | None:
        memory = [blank(*v.shape, device=self._device, dtype=v.dtype) for v in values]
        _overwrite(memory, values)
        *inputs, ends = memory
        rows = Ends(longest=longest, ends=ends)
        captured = self._pool.capture(lambda: self._run(*inputs, rows))
        return None if captured is None else (captured, memory)


def _overwrite(memory: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Write everywhere: a value that was not finite must not outlive its call."""
    for part, value in zip(memory, values, strict=True):
        part.copy_(upload(value, part.device))


def round_up(length: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-length // step) * step


def power_above(count: int) -> int:
    """Return the next power of two."""
    return 1 << (count - 1).bit_length()


def blank(*shape: int, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """Make zeros that outlive the inference mode of one call, to be written to in the next."""
    with torch.inference_mode(mode=False):
        return torch.zeros(shape, dtype=dtype, device=device)
