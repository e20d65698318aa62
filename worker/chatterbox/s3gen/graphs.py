"""The flow on a GPU: half precision, fused kernels, CUDA graphs over a bounded set of shapes.

A small batch is bound by the time it takes to launch some 1,000 kernels per step; a graph launches
them at once. A large batch is bound by the kernels themselves, which torch.compile fuses; its graph
leaves the interpreter to the thread that launches T3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from weakref import ReferenceType, ref

import torch
from torch import Tensor

from worker.chatterbox.cuda_graphs import (
    Captured,
    GraphedRows,
    GraphPool,
    blank,
    power_above,
    round_up,
)
from worker.chatterbox.s3gen.flow import ENCODER_ROWS, Flow
from worker.chatterbox.s3gen.packing import PADDING_ROW, Packing, cut, pack_lengths, pad_packing
from worker.chatterbox.s3gen.unet import Condition, Estimator, ResidualBlock, Transformers

_FRAME_STEP = 512  # frames of all rows together are rounded up to this, or to a 64th
_STEPS = 64
_SPARE = 1 / 8  # share of its frames that may be padding
_MOST_FRAMES = 1 << 18  # 64 guided utterances of 30 s after a prompt of 10 s
_ROWS = (4, 16, 40, 96, 160, 256)
_SHORTEST_BOUND = 2048  # from here on, bounds on the longest row are powers of two
# A convolution reads its input three times. With these limits the input is computed once; by
# default inductor recomputes even a costly activation for each reader.
_FUSION = {"realize_opcount_threshold": 8, "realize_reads_threshold": 2}
_TOKEN_STEP = 32
_MOST_TOKENS = 1024 * ENCODER_ROWS  # over all rows of a graph
_RECOMPILATIONS = 32  # per function: about a dozen combinations of block and call occur


def accelerate(
    flow: Flow,
    dtype: torch.dtype = torch.bfloat16,
    pool: GraphPool | None = None,
    rows_at_once: int = ENCODER_ROWS,
) -> None:
    """Accelerate a flow on a CUDA device; its outputs change only in precision.

    float32 is not accelerated: the attention kernel for packed rows exists in half precision only.
    `pool`: memory to share with other graphs of the same thread. `rows_at_once` bounds the memory
    of the encoder: a row of 20 s after a prompt of 10 s needs 0.2 GB.
    """
    flow.encoder_rows = min(rows_at_once, ENCODER_ROWS)
    flow.use_precision(dtype)
    if dtype == torch.float32:
        return
    compile_blocks(flow.estimator, options=_FUSION)
    use_graphs(flow, pool or GraphPool())


def use_graphs(flow: Flow, pool: GraphPool) -> None:
    """Let an accelerated flow, or a copy of it, run as graphs of this pool."""
    flow.fast_estimate = GraphedEstimator(flow.estimator, pool)
    flow.fast_encode = GraphedRows(
        flow.encode_padded,
        flow.device,
        pool,
        rates=(1,),
        most_rows=ENCODER_ROWS,
        step=_TOKEN_STEP,
        most=_MOST_TOKENS,
    )


def compile_blocks(estimator: Estimator, **options: object) -> None:
    """Compile the repeated blocks, once per kind: the whole network would take minutes."""
    for part in estimator.modules():
        if isinstance(part, Transformers | ResidualBlock):
            part.compile(dynamic=True, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The shape that a graph is captured for; smaller inputs are padded to it."""

    frames: int
    rows: int
    longest: int


def choose_shape(packing: Packing) -> Shape | None:
    """Find the smallest shape for these rows and their padding; None if there are too many."""
    used = len(packing.row)
    step = max(_FRAME_STEP, power_above(used) // _STEPS)
    frames = round_up(used, step)
    needed = _count_rows(packing, frames)
    rows = next((rows for rows in _ROWS if rows >= needed), None)
    if rows is None or frames > _MOST_FRAMES:
        return None
    return Shape(frames=frames, rows=rows, longest=_bound(packing.longest))


def find_shape(packing: Packing, known: Iterable[Shape]) -> Shape | None:
    """Reuse the smallest known shape that is large enough, or add one, to keep shapes few."""
    chosen = choose_shape(packing)
    if chosen is None:
        return None
    near = [
        shape
        for shape in known
        if len(packing.row) <= shape.frames <= chosen.frames * (1 + _SPARE)
        and _count_rows(packing, shape.frames) <= shape.rows
        and shape.longest == chosen.longest
    ]
    return min(near, key=lambda shape: (shape.frames, shape.rows), default=chosen)


def _count_rows(packing: Packing, frames: int) -> int:
    """Count the rows of a batch that is padded to this many frames."""
    return packing.rows + max(1, -(-(frames - len(packing.row)) // PADDING_ROW))


class GraphMemory:
    """Memory that the graphs of several shapes share, one at a time; each reads its first part."""

    def __init__(self, frames: int, rows: int, example: Condition) -> None:
        features, prompt, timbre = example.features, example.prompt, example.timbre
        self.frames, self.rows = frames, rows
        device = features.device
        self.x = blank(frames, features.shape[1], device=device)
        self.time = blank(rows, device=device)
        self.condition = Condition(
            features=blank(frames, features.shape[1], device=device),
            prompt=blank(frames, prompt.shape[1], device=device),
            timbre=blank(rows, timbre.shape[1], device=device),
        )
        self.offsets = blank(rows + 1, device=device, dtype=torch.int32)
        self.row, self.position = (
            blank(frames, device=device, dtype=torch.int64) for _ in range(2)
        )
        self.written: tuple[Shape, ReferenceType[Condition]] | None = None

    def holds(self, shape: Shape) -> bool:
        """Return whether a shape fits."""
        return shape.frames <= self.frames and shape.rows <= self.rows


class GraphInputs:
    """The inputs of a graph: fixed memory that is overwritten before each replay."""

    def __init__(self, shape: Shape, memory: GraphMemory) -> None:
        frames, rows = shape.frames, shape.rows
        condition = memory.condition
        self.shape = shape
        self.x, self.time = _begin(memory.x, frames), _begin(memory.time, rows)
        self.condition = Condition(
            features=_begin(condition.features, frames),
            prompt=_begin(condition.prompt, frames),
            timbre=_begin(condition.timbre, rows),
        )
        # A graph reads only tensors: code that uses the lengths must fail instead of baking them
        # in.
        self.packing = Packing(
            lengths=(),
            offsets=_begin(memory.offsets, rows + 1),
            row=_begin(memory.row, frames),
            position=_begin(memory.position, frames),
            longest=shape.longest,
            is_even=False,
        )
        self._memory = memory
        memory.written = None
        # Captured on rows of usual length: attention over one long row would take seconds.
        self._lay(pack_lengths(cut(frames, -(-frames // rows)), memory.x.device))

    def fill(self, x: Tensor, time: Tensor, condition: Condition, packing: Packing) -> None:
        """Write a call's inputs; the condition and the rows only if they changed.

        A solver passes the same condition at each of its steps.
        """
        self.x[: len(x)] = x
        self.time[: len(time)] = time
        written = self._memory.written
        if written is not None and written[0] == self.shape and written[1]() is condition:
            return
        self._memory.written = self.shape, ref(condition)
        for memory in (self.x, self.condition.features, self.condition.prompt):
            memory[len(x) :].zero_()  # no NaN from an earlier call may remain in the padding
        self.condition.features[: len(x)] = condition.features
        self.condition.prompt[: len(x)] = condition.prompt
        self.condition.timbre[: len(time)] = condition.timbre
        self._lay(packing)

    def _lay(self, packing: Packing) -> None:
        rows = pad_packing(packing, self.shape.frames, self.shape.rows, self.shape.longest)
        self.packing.offsets.copy_(rows.offsets)
        self.packing.row.copy_(rows.row)
        self.packing.position.copy_(rows.position)


class GraphedEstimator:
    """An estimator that replays a captured graph.

    Owned by one thread at a time. A graph is captured when its shape is first met.
    """

    def __init__(self, estimator: Estimator, pool: GraphPool) -> None:
        self._estimator = estimator
        self._pool = pool
        self._memory: GraphMemory | None = None
        # None: the graph of this shape could not be captured.
        self._graphs: dict[Shape, tuple[Captured, GraphInputs] | None] = {}

    def __call__(self, x: Tensor, time: Tensor, condition: Condition, packing: Packing) -> Tensor:
        """Estimate the velocity; see the estimator for the shapes."""
        captured_shapes = [shape for shape, graph in self._graphs.items() if graph is not None]
        shape = find_shape(packing, captured_shapes)
        if shape is not None and shape not in self._graphs:
            self._graphs[shape] = self._capture(shape, condition)
        graph = None if shape is None else self._graphs[shape]
        if graph is None:
            few = replace(packing, longest=_bound(packing.longest), is_even=False)
            return self._compute(x, time, condition, few)
        captured, inputs = graph
        inputs.fill(x, time, condition, packing)
        return captured.replay()[: len(x)].clone()

    def _capture(self, shape: Shape, example: Condition) -> tuple[Captured, GraphInputs] | None:
        if self._memory is None or not self._memory.holds(shape):
            # At least double, so that the memory held by older graphs never exceeds the newest.
            self._memory = GraphMemory(power_above(shape.frames), _ROWS[-1], example)
        inputs = GraphInputs(shape, self._memory)
        captured = self._pool.capture(
            lambda: self._compute(inputs.x, inputs.time, inputs.condition, inputs.packing)
        )
        return None if captured is None else (captured, inputs)

    def _compute(self, x: Tensor, time: Tensor, condition: Condition, packing: Packing) -> Tensor:
        # Set here, because torch keeps this setting per thread and this thread compiles.
        torch._dynamo.config.recompile_limit = _RECOMPILATIONS  # noqa: SLF001 - torch has no public name for it
        velocity: Tensor = self._estimator(x, time, condition, packing)
        return velocity


def _begin(memory: Tensor, count: int) -> Tensor:
    """Return the first part of a tensor's memory as a tensor that is not a view.

    For a view, torch also guards on its base tensor and would recompile for each graph.
    """
    part = torch.empty(0, dtype=memory.dtype, device=memory.device)
    return part.set_(memory.untyped_storage(), 0, (count, *memory.shape[1:]), memory.stride())


def _bound(longest: int) -> int:
    """Return the power of two above a row's length, so that few values are compiled for."""
    return max(_SHORTEST_BOUND, power_above(longest))
