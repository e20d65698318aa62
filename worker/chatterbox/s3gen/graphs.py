"""The flow on a GPU: half precision, fused kernels, CUDA graphs over a bounded set of shapes.

A small batch is bound by the time it takes to launch some 1,000 kernels per step; a graph launches
them at once. A large batch is bound by the kernels themselves, which torch.compile fuses; there the
graph leaves the interpreter to the thread that launches T3.
"""

from dataclasses import dataclass, replace
from weakref import ReferenceType, ref

import torch
from torch import Tensor

from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.packing import PADDING_ROW, Packing, pack_lengths, pad_packing
from worker.chatterbox.s3gen.unet import Condition, Estimator, ResidualBlock, Transformers

_FRAME_STEP = 512  # frames of all rows together are rounded up to this, or to a sixteenth
_MOST_FRAMES = 1 << 18  # 64 guided utterances of 30 s behind 10 s
_ROWS = (4, 16, 40, 96, 160)
_SHORTEST_BOUND = 512  # bounds on the longest row are powers of two from here on
# What is needed three times (the activations that a convolution slides over) is computed once: by
# default the fuser puts even the costliest activation into each of its readers.
_FUSION = {"realize_opcount_threshold": 8, "realize_reads_threshold": 2}
_RECOMPILATIONS = 32  # of one function; there are about a dozen kinds of block and call


def accelerate(flow: Flow, dtype: torch.dtype = torch.bfloat16) -> None:
    """Make a flow on a CUDA device fast; its outputs change by the precision only.

    float32 stays plain: attention over rows of any length is a kernel of half precision only.
    """
    flow.use_precision(dtype)
    if dtype == torch.float32:
        return
    compile_blocks(flow.estimator, options=_FUSION)
    flow.fast_estimate = GraphedEstimator(flow.estimator)


def compile_blocks(estimator: Estimator, **options: object) -> None:
    """Compile the repeated blocks, once per kind: compiling the whole would take minutes."""
    torch._dynamo.config.recompile_limit = _RECOMPILATIONS  # noqa: SLF001 - it is torch's setting
    for part in estimator.modules():
        if isinstance(part, Transformers | ResidualBlock):
            part.compile(dynamic=True, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a graph is captured for; anything smaller is padded to it."""

    frames: int
    rows: int
    longest: int


def choose_shape(packing: Packing) -> Shape | None:
    """Find the smallest shape that holds these rows and those of padding; None if they are many."""
    used = len(packing.row)
    step = max(_FRAME_STEP, (1 << (used - 1).bit_length()) // 16)
    frames = -(-used // step) * step
    needed = packing.rows + max(1, -(-(frames - used) // PADDING_ROW))
    rows = next((rows for rows in _ROWS if rows >= needed), None)
    if rows is None or frames > _MOST_FRAMES:
        return None
    return Shape(frames=frames, rows=rows, longest=_bound(packing.longest))


class GraphInputs:
    """Memory that a graph reads: fixed for its life, overwritten before each replay."""

    def __init__(self, shape: Shape, example: Condition) -> None:
        device = example.features.device
        with torch.inference_mode(mode=False):  # memory that outlives the mode of one call
            self.x = _blank(shape.frames, example.features)
            self.time = torch.zeros(shape.rows, device=device)
            self.condition = Condition(
                features=_blank(shape.frames, example.features),
                prompt=_blank(shape.frames, example.prompt),
                speaker=_blank(shape.rows, example.speaker),
            )
            nothing = pack_lengths([shape.frames], device)
            padded = pad_packing(nothing, shape.frames, shape.rows, shape.longest)
        # A graph reads tensors only: code that asks for the lengths must fail, not remember them.
        self.packing = replace(padded, lengths=())
        self.shape = shape
        self._told: ReferenceType[Condition] | None = None

    def fill(self, x: Tensor, time: Tensor, condition: Condition, packing: Packing) -> None:
        """Write a call's inputs; the condition and the rows only if they changed.

        A solver passes the same condition at each of its steps.
        """
        self.x[: len(x)] = x
        self.time[: len(time)] = time
        if self._told is not None and condition is self._told():
            return
        self._told = ref(condition)
        self.condition.features[: len(x)] = condition.features
        self.condition.prompt[: len(x)] = condition.prompt
        self.condition.speaker[: len(time)] = condition.speaker
        rows = pad_packing(packing, self.shape.frames, self.shape.rows, self.shape.longest)
        self.packing.offsets.copy_(rows.offsets)
        self.packing.row.copy_(rows.row)
        self.packing.position.copy_(rows.position)


class GraphedEstimator:
    """An estimator that replays a captured graph.

    Owned by one thread. A graph is captured when its shape is first met, which takes about as long
    as three plain calls; all share one pool of memory.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._graphs: dict[Shape, tuple[torch.cuda.CUDAGraph, GraphInputs, Tensor]] = {}

    def __call__(self, x: Tensor, time: Tensor, condition: Condition, packing: Packing) -> Tensor:
        """Estimate as the estimator does; see there for the shapes."""
        shape = choose_shape(packing)
        if shape is None:
            few = replace(packing, longest=_bound(packing.longest), is_even=False)
            velocity: Tensor = self._estimator(x, time, condition, few)
            return velocity
        if shape not in self._graphs:
            self._graphs[shape] = self._capture(shape, condition)
        graph, inputs, output = self._graphs[shape]
        inputs.fill(x, time, condition, packing)
        graph.replay()
        return output[: len(x)].clone()  # the next graph may reuse this memory

    def _capture(
        self, shape: Shape, example: Condition
    ) -> tuple[torch.cuda.CUDAGraph, GraphInputs, Tensor]:
        inputs = GraphInputs(shape, example)

        def run() -> Tensor:
            velocity: Tensor = self._estimator(
                inputs.x, inputs.time, inputs.condition, inputs.packing
            )
            return velocity

        # A graph keeps what its stream has: the priority, and a share of the card.
        current = torch.cuda.current_stream()
        stream = torch.cuda.Stream() if current == torch.cuda.default_stream() else current
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            run()  # compiles, and lets libraries allocate what a capture must not
            run()
        current.wait_stream(stream)
        pool = next((graph.pool() for graph, _, _ in self._graphs.values()), None)
        captured = torch.cuda.CUDAGraph()
        # T3's thread goes on using the device meanwhile.
        with torch.cuda.graph(
            captured, pool=pool, stream=stream, capture_error_mode="thread_local"
        ):
            output = run()
        return captured, inputs, output


def _bound(longest: int) -> int:
    """Return the power of two that bounds a row's length: compiled code then meets few values."""
    return max(_SHORTEST_BOUND, 1 << (longest - 1).bit_length())


def _blank(length: int, like: Tensor) -> Tensor:
    return torch.zeros(length, like.shape[1], dtype=like.dtype, device=like.device)
