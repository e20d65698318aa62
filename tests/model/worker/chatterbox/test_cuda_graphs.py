"""Graphs of padded rows, with a pool that needs no GPU: what was captured runs again."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from tests.model.worker.chatterbox.goldens import read_golden, relative_error
from tests.model.worker.chatterbox.hift import test_vocoder as vocoder_rows
from tests.model.worker.chatterbox.s3gen.test_graphs import load_flow
from worker.chatterbox.config import HiftConfig
from worker.chatterbox.cuda_graphs import GraphedRows
from worker.chatterbox.rows import Ends
from worker.chatterbox.watermark import Watermarker

CPU = torch.device("cpu")


@dataclass
class Pool:
    captures: int = 0
    replay: Callable[[], Tensor] = torch.empty

    def capture(self, run: Callable[[], Tensor]) -> "Pool":
        self.captures += 1
        return replace(self, replay=run)


def graphed(
    run: Callable[..., Tensor], rates: tuple[int, ...], step: int, most: int = 1 << 30
) -> tuple[GraphedRows, Pool]:
    pool = Pool()
    fast = GraphedRows(run, CPU, pool, rates=rates, most_rows=8, step=step, most=most)  # type: ignore[arg-type]
    return fast, pool


def test_each_row_ends_where_it_ends_and_knows_nothing_of_earlier_calls() -> None:
    def count(values: Tensor, constant: Tensor, ends: Ends) -> Tensor:
        mask = ends.mask()
        assert mask is not None
        return (values * mask[:, 0]).sum(1) + constant[:, 0]

    fast, pool = graphed(count, (1, 0), 8)
    for lengths in ([3, 5, 7], [7, 2, 1], [4, 4, 4, 4]):
        rows = [torch.ones(length) for length in lengths]
        constants = [torch.tensor([100.0, math.inf])] * len(rows)
        assert fast((rows, constants), lengths).tolist() == [100 + n for n in lengths]
    assert pool.captures == 1


@pytest.mark.parametrize(
    ("lengths", "captures"),
    [
        ([[3], [8], [5]], 1),  # alone: up to one step
        ([[9, 3], [15, 16], [1, 2]], 1),  # two: up to two steps
        ([[3] * 5, [3] * 8, [3] * 7], 1),
        ([[3], [3, 3], [3, 3, 3], [3] * 5, [9], [17, 17]], 6),
        ([[130], [20] * 5, [1] * 9], 0),  # too many places or rows for a graph
    ],
)
def test_rows_and_places_are_rounded_up_to_few_shapes(
    lengths: list[list[int]], captures: int
) -> None:
    fast, pool = graphed(lambda values, ends: values + 0 * ends.longest, (1,), 8, most=128)
    for batch in lengths:
        rows = [torch.arange(length) for length in batch]
        for row, made in zip(rows, fast((rows,), batch), strict=True):
            assert torch.equal(made[: len(row)], row)
    assert pool.captures == captures


def test_rows_that_have_no_graph_are_computed_without() -> None:
    class Full(Pool):
        def capture(self, run: Callable[[], Tensor]) -> None:  # type: ignore[override]
            super().capture(run)

    fast, _ = graphed(lambda values, ends: values * ends.longest, (1,), 8)
    fast._pool = pool = Full()  # type: ignore[assignment]
    for _ in range(2):
        assert fast(([torch.ones(3)],), [3]).tolist() == [[3, 3, 3]]
    assert pool.captures == 1


@torch.inference_mode()
def test_encoding_with_padding_on_all_sides_changes_no_row() -> None:
    flow = load_flow()
    flow.fast_encode, _ = graphed(flow.encode_padded, (1,), 32)
    plain = load_flow()
    draw = torch.Generator().manual_seed(5)
    for lengths in ([64], [33], [50, 20, 41]):
        rows = [torch.randint(6561, (length,), generator=draw) for length in lengths]
        for made, expected in zip(flow.encode(rows), plain.encode(rows), strict=True):
            assert relative_error(made, expected) < 1e-5


def test_vocoding_with_padding_on_all_sides_changes_no_row() -> None:
    golden = read_golden("hift", "toy")
    plain, fast = vocoder_rows.build(golden), vocoder_rows.build(golden)
    fast.fast_speak, _ = graphed(fast.speak, (1, 0, 480), 64)
    for lengths in ([31], [9, 31, 14]):
        rows = vocoder_rows.draw_rows(lengths, HiftConfig())
        expected = vocoder_rows.synthesize(plain, rows)
        for made, other in zip(vocoder_rows.synthesize(fast, rows), expected, strict=True):
            assert (made - other).abs().max() < 1e-3


def test_marking_with_padding_on_all_sides_changes_no_row() -> None:
    torch.manual_seed(0)
    network = Watermarker().eval()
    rows = [torch.randn(length) * 0.1 for length in (20_000, 30_000, 7000)]
    expected = network.mark(rows)
    network.fast_mark, _ = graphed(network.mark_padded, (1,), 64 * 240)
    for made, other in zip(network.mark(rows), expected, strict=True):
        assert (made - other).abs().max() < 1e-4


def test_rows_that_are_slow_become_twice_as_many() -> None:
    shapes: list[int] = []

    def note(values: Tensor, ends: Ends) -> Tensor:
        del ends
        shapes.append(len(values))
        return values[:, 0]

    fast = GraphedRows(
        note,
        CPU,
        Pool(),
        rates=(1,),
        most_rows=8,
        step=8,
        most=1 << 30,
        slow_rows=4,  # type: ignore[arg-type]
    )
    for count in (1, 2, 3, 4, 5):
        assert fast(([torch.ones(3)] * count,), [3] * count).tolist() == [1] * count
    assert set(shapes) == {1, 2, 8}
