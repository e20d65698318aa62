"""CUDA graphs: a recorded sequence of kernels, replayed on fixed memory by a single launch.

For few rows this saves the host time of launching kernels one by one; for many rows it leaves the
interpreter to other threads.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import torch
from torch import Tensor

from worker.chatterbox.rows import Columns, Ends, call_padded, catch_up, pad_rows, upload

log = structlog.get_logger()

# A capture begins by waiting for the whole device, which breaks one that another thread has begun.
_CAPTURING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Kernels that fill `output` from the memory they were captured on."""

    graph: torch.cuda.CUDAGraph
    output: Tensor

    def replay(self) -> Tensor:
        """Launch the kernels. The next graph of the same pool may overwrite the returned tensor."""
        catch_up(self.output.device)
        self.graph.replay()
        return self.output


@contextmanager
def recorded_on(stream: torch.cuda.Stream) -> Iterator[None]:
    """During a capture, record kernels on another stream, whose priority they then keep.

    No other thread may use that stream meanwhile.
    """
    capturing = torch.cuda.current_stream()
    stream.wait_stream(capturing)
    with torch.cuda.stream(stream):
        yield
    capturing.wait_stream(stream)


class GraphPool:
    """Memory shared by graphs that never run at the same time; owned by one thread at a time.

    `open_stream` opens the stream to capture on. No other thread may use it: work launched there by
    another thread breaks the capture. (torch hands out 32 streams per priority in turn, so two
    callers may get the same one.) A graph keeps that stream's priority.
    """

    def __init__(self, open_stream: Callable[[], torch.cuda.Stream] = torch.cuda.Stream) -> None:
        self._open_stream = open_stream
        self._stream: torch.cuda.Stream | None = None
        self._handle: Any = None
        self._is_broken = False

    def capture(self, run: Callable[[], Tensor]) -> Captured | None:
        """Capture what `run` launches; takes about as long as three plain calls.

        Returns None if there is no memory for it or the capture fails. After a failed capture the
        pool captures nothing more, because its state is unknown.
        """
        if self._is_broken:
            return None
        with _CAPTURING:
            return self._capture(run)

    def _capture(self, run: Callable[[], Tensor]) -> Captured | None:
        current = torch.cuda.current_stream()
        stream = self._stream = self._stream or self._open_stream()
        graph = torch.cuda.CUDAGraph()
        try:
            _warm_up(run, stream)
            # "thread_local", because T3's thread goes on using the device during the capture.
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
            torch.cuda.set_stream(current)  # a failed capture leaves its own stream set
        self._handle = graph.pool()
        return Captured(graph=graph, output=output)


def _warm_up(run: Callable[[], Tensor], stream: torch.cuda.Stream) -> None:
    """Run twice, so that compilation and allocation, which a capture forbids, happen beforehand."""
    current = torch.cuda.current_stream()
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        run()
        run()
    current.wait_stream(stream)


class GraphedRows:
    """A function of padded rows, replayed as graphs of a few shapes that inputs are padded to.

    Libraries choose kernels anew for each new shape, which takes milliseconds per convolution;
    without padding, every batch would wait for that. Owned by one thread at a time. A graph is
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

        `rates`: for each input, the length of its rows as a multiple of `lengths`; 0 if all rows
        have one fixed length. The number of rows is rounded up to a power of two, their length to
        `step` for a single row and to twice that for several. Batches of more than `most_rows` rows
        or `most` positions in total run without a graph. `slow_rows`: a number of rows that takes
        longer than twice that number; such a batch is padded to twice as many rows.
        """
        self._run, self._device, self._pool = run, device, pool
        self._rates, self._step = rates, step
        self._most_rows, self._most, self._slow_rows = most_rows, most, slow_rows
        # None: the graph of this shape could not be captured.
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
    """Overwrite all of the memory, so that no NaN of an earlier call stays in the padding."""
    for part, value in zip(memory, values, strict=True):
        part.copy_(upload(value, part.device))


def round_up(length: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-length // step) * step


def power_above(count: int) -> int:
    """Return the next power of two."""
    return 1 << (count - 1).bit_length()


def blank(*shape: int, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """Make zeros outside inference mode, so that later calls can write to them."""
    with torch.inference_mode(mode=False):
        return torch.zeros(shape, dtype=dtype, device=device)
