import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.model.worker.chatterbox.goldens import read_golden, relative_error
from tests.model.worker.chatterbox.s3gen.test_flow import read_rows, speak
from worker.chatterbox.config import FlowConfig
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.graphs import (
    GraphInputs,
    GraphMemory,
    Shape,
    accelerate,
    choose_shape,
    compile_blocks,
    find_shape,
)
from worker.chatterbox.s3gen.packing import Packing, pack_lengths, pad_packing
from worker.chatterbox.s3gen.unet import Condition


def load_flow() -> Flow:
    golden = read_golden("s3gen", "toy")
    network = Flow(golden.config(FlowConfig))
    network.load_state_dict(golden.weights("flow."))
    return network.eval()


def draw_call(lengths: list[int], seed: int) -> tuple[Tensor, Tensor, Condition, Packing]:
    draw = torch.Generator().manual_seed(seed)
    frames, rows = sum(lengths), len(lengths)
    condition = Condition(
        features=torch.randn(frames, 80, generator=draw),
        prompt=torch.randn(frames, 80, generator=draw),
        timbre=torch.randn(rows, 80, generator=draw),
    )
    noise = torch.randn(frames, 80, generator=draw)
    return noise, torch.rand(rows, generator=draw), condition, pack_lengths(lengths)


@pytest.mark.parametrize("lengths", [[40, 40], [30, 9, 61], [300, 212]])
def test_padding_to_a_graphs_shape_changes_no_row(lengths: list[int]) -> None:
    estimator = load_flow().estimator
    memory = GraphMemory(1024, 40, draw_call([512], 0)[2])
    inputs = GraphInputs(Shape(frames=512, rows=16, longest=512), memory)
    for seed in (1, 2):  # what the first call leaves in memory must not reach the second
        x, time, condition, packing = draw_call(lengths, seed)
        inputs.fill(x, time, condition, packing)
        rows = replace(inputs.packing, lengths=pad_packing(packing, 512, 16, 512).lengths)
        with torch.no_grad():
            padded = estimator(inputs.x, inputs.time, inputs.condition, rows)[: len(x)]
            assert relative_error(padded, estimator(x, time, condition, packing)) < 1e-5


def test_a_condition_is_written_once_for_all_steps() -> None:
    x, time, condition, packing = draw_call([30, 40], 1)
    memory = GraphMemory(1024, 16, condition)
    inputs = GraphInputs(Shape(frames=512, rows=4, longest=512), memory)
    inputs.fill(x, time, condition, packing)
    inputs.condition.features.zero_()
    inputs.fill(x + 1, time, condition, packing)
    assert inputs.condition.features.abs().max() == 0
    assert torch.equal(inputs.x[:70], x + 1)
    inputs.fill(x, time, replace(condition), packing)
    assert torch.equal(inputs.condition.features[:70], condition.features)


def test_graphs_that_share_memory_do_not_take_anothers_condition_for_their_own() -> None:
    x, time, condition, packing = draw_call([30, 40], 1)
    memory = GraphMemory(1024, 16, condition)
    first, second = (
        GraphInputs(Shape(frames=frames, rows=4, longest=512), memory) for frames in (512, 1024)
    )
    first.fill(x, time, condition, packing)
    second.fill(*draw_call([50, 60], 2))
    first.fill(x, time, condition, packing)
    assert torch.equal(first.condition.features[:70], condition.features)
    assert first.packing.offsets[:3].tolist() == [0, 30, 70]


@pytest.mark.parametrize(
    ("lengths", "shape"),
    [
        ([800, 800], Shape(frames=2048, rows=4, longest=2048)),
        ([100, 100], Shape(frames=512, rows=4, longest=2048)),
        ([1000] * 8, Shape(frames=8192, rows=16, longest=2048)),
        ([1025] * 4, Shape(frames=4608, rows=16, longest=2048)),
        ([1000] * 9, Shape(frames=9216, rows=16, longest=2048)),
        ([10] * 16, Shape(frames=512, rows=40, longest=2048)),
        ([1000] * 64, Shape(frames=64512, rows=96, longest=2048)),
        ([1300] * 64, Shape(frames=83968, rows=96, longest=2048)),
        ([1100] * 128, Shape(frames=143360, rows=160, longest=2048)),
        ([2100] * 4, Shape(frames=8704, rows=16, longest=4096)),
        ([600] * 142, Shape(frames=86016, rows=160, longest=2048)),
        ([2100] * 128, None),
    ],
)
def test_batches_meet_few_shapes(lengths: list[int], shape: Shape | None) -> None:
    assert choose_shape(pack_lengths(lengths)) == shape


def test_a_batch_takes_a_graph_that_is_a_little_larger() -> None:
    known = [Shape(frames=frames, rows=160, longest=2048) for frames in (122_880, 65_536, 58_368)]
    assert find_shape(pack_lengths([1000] * 58), known) == known[2]
    assert find_shape(pack_lengths([1000] * 60), known) == known[1]
    assert find_shape(pack_lengths([1000] * 50), known) == choose_shape(pack_lengths([1000] * 50))


def test_a_graph_holds_the_rows_that_fill_it_up() -> None:
    pick, known = random.Random(0), set()
    for _ in range(300):
        lengths = [pick.randint(100, 1500) for _ in range(pick.randint(1, 100))]
        packing = pack_lengths(lengths)
        shape = find_shape(packing, known)
        if shape is None:
            continue
        known.add(shape)
        padded = pad_packing(packing, shape.frames, shape.rows, shape.longest)
        assert padded.row.max() < shape.rows
        assert padded.offsets[-1] == shape.frames
        assert padded.offsets.shape == (shape.rows + 1,)
    assert len(known) < 60


def test_a_graphs_inputs_are_no_views_for_which_code_would_be_compiled_anew() -> None:
    memory = GraphMemory(1024, 40, draw_call([512], 0)[2])
    inputs = GraphInputs(Shape(frames=512, rows=4, longest=512), memory)
    assert inputs.x._is_view() is False
    assert inputs.packing.position._is_view() is False
    assert inputs.x.data_ptr() == memory.x.data_ptr()


def test_a_graph_is_captured_on_short_rows() -> None:
    memory = GraphMemory(16_384, 40, draw_call([512], 0)[2])
    lengths = GraphInputs(
        Shape(frames=16_384, rows=40, longest=2048), memory
    ).packing.offsets.diff()
    assert lengths.sum() == 16_384
    assert lengths.max() == 410


def test_half_precision_stays_near() -> None:
    rows, exact, coarse = read_rows(read_golden("s3gen", "toy")), load_flow(), load_flow()
    coarse.use_precision(torch.bfloat16)
    for mel, expected in zip(speak(coarse, rows), speak(exact, rows), strict=True):
        assert mel.dtype == torch.float32
        error = (mel - expected).std() / expected.std()
        assert 1e-5 < error < 0.02


def test_half_precision_leaves_norms_and_the_last_projection_alone() -> None:
    flow = load_flow()
    flow.use_precision(torch.bfloat16)
    kept = {name for name, weight in flow.named_parameters() if weight.dtype == torch.float32}
    lowered = {name for name, _ in flow.named_parameters()} - kept
    assert "decoder.estimator.final_proj.weight" in kept
    assert not [name for name in lowered if "norm" in name or "time_mlp" in name]
    assert "decoder.estimator.mid_blocks.0.1.0.attn1.to_q.weight" in lowered


def test_full_precision_is_left_plain() -> None:
    flow = load_flow()
    accelerate(flow, torch.float32)
    assert flow.fast_estimate is None


def test_blocks_compile_whole() -> None:
    flow = load_flow()
    call = draw_call([20, 20], 3)
    with torch.no_grad():
        plain = flow.estimator(*call)
        compile_blocks(flow.estimator, backend="eager", fullgraph=True)
        assert relative_error(flow.estimator(*call), plain) < 1e-6
        longer = draw_call([31, 31, 31], 4)
        assert flow.estimator(*longer).shape == (93, 80)
