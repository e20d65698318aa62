"""Which kernels have priority on a GPU, launched one by one and in a graph. `pytest tests/gpu`."""

import pytest
import torch

from worker.chatterbox.cuda_graphs import recorded_on
from worker.engine.options import EngineOptions, resolve
from worker.engine.sharing import Sharing, share_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture
def sharing() -> Sharing:
    return share_device(resolve(EngineOptions(device="cuda", back_end="torch", gpu_memory_gb=8)))


def test_the_kernels_of_t3_go_first_then_those_of_first_sounds(sharing: Sharing) -> None:
    openers = (sharing.open_t3_stream, sharing.open_first_stream, sharing.open_sound_stream)
    t3, first, others = (opener().priority for opener in openers if opener is not None)
    assert t3 < first < others == 0  # the lower number has the higher priority


def priorities(graph: torch.cuda.CUDAGraph) -> set[int]:
    """Return the priorities of a graph's kernels."""
    cuda = pytest.importorskip("cuda.bindings.runtime")
    handle = cuda.cudaGraph_t(graph.raw_cuda_graph())
    _, _, count = cuda.cudaGraphGetNodes(handle)
    _, nodes, _ = cuda.cudaGraphGetNodes(handle, count)
    kernels = [
        node
        for node in nodes
        if cuda.cudaGraphNodeGetType(node)[1] == cuda.cudaGraphNodeType.cudaGraphNodeTypeKernel
    ]
    assert kernels
    priority = cuda.cudaKernelNodeAttrID(cuda.cudaKernelNodeAttributePriority)
    return {cuda.cudaGraphKernelNodeGetAttribute(node, priority)[1].priority for node in kernels}


def test_kernels_recorded_on_another_stream_keep_its_priority(sharing: Sharing) -> None:
    assert sharing.open_t3_stream is not None
    first = sharing.open_t3_stream()
    x = torch.arange(8.0, device="cuda")
    plain, forked = (torch.cuda.CUDAGraph(keep_graph=True) for _ in range(2))
    with torch.cuda.graph(plain):
        y = 2 * x + 1
    with torch.cuda.graph(forked), recorded_on(first):
        y = 2 * x + 1
    assert priorities(plain) == {0}
    assert priorities(forked) == {first.priority}
    forked.replay()
    assert torch.equal(y, 2 * x + 1)
