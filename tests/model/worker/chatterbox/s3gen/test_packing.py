import pytest
import torch
import torch.nn.functional as F

from worker.chatterbox.config import FlowConfig
from worker.chatterbox.s3gen.attention import relative_distances
from worker.chatterbox.s3gen.packing import attend, pack_lengths, pad_packing, shift
from worker.chatterbox.s3gen.solver import cosine_times
from worker.chatterbox.s3gen.unet import FrameConv


def test_every_frame_knows_its_row_and_place() -> None:
    packing = pack_lengths([2, 3])
    assert packing.offsets.tolist() == [0, 2, 5]
    assert packing.row.tolist() == [0, 0, 1, 1, 1]
    assert packing.position.tolist() == [0, 1, 0, 1, 2]
    assert (packing.rows, packing.longest, packing.is_even) == (2, 3, False)


def test_padding_adds_one_row_of_nothing_and_empty_rows() -> None:
    padded = pad_packing(pack_lengths([2, 3]), frames=8, rows=4, longest=16)
    assert padded.offsets.tolist() == [0, 2, 5, 8, 8]
    assert padded.row.tolist() == [0, 0, 1, 1, 1, 2, 2, 2]
    assert padded.position.tolist()[5:] == [0, 1, 2]
    assert (padded.rows, padded.longest) == (4, 16)


def test_much_padding_is_cut_into_short_rows() -> None:
    padded = pad_packing(pack_lengths([1000]), frames=2048, rows=6, longest=1024)
    assert padded.offsets.tolist() == [0, 1000, 1512, 2024, 2048, 2048, 2048]
    assert padded.lengths == (1000, 512, 512, 24)
    assert padded.row[[1511, 1512, 2047]].tolist() == [1, 2, 3]
    assert padded.position[[1000, 1511, 1512]].tolist() == [0, 511, 0]


def test_shifting_never_reaches_into_the_row_before() -> None:
    frames = torch.arange(1.0, 6.0)[:, None]
    assert shift(frames, 1, pack_lengths([2, 3])).flatten().tolist() == [0, 1, 0, 3, 4]
    assert shift(frames, 2, pack_lengths([2, 3])).flatten().tolist() == [0, 0, 0, 0, 3]
    assert shift(frames[:1], 2, pack_lengths([1])).flatten().tolist() == [0]


@pytest.mark.parametrize("lengths", [[6, 6], [3, 9]])
def test_attention_stays_inside_rows(lengths: list[int]) -> None:
    draw = torch.Generator().manual_seed(2)
    query, key, value = torch.randn(3, 12, 2, 4, generator=draw)
    row = pack_lengths(lengths).row
    same = row[:, None] == row[None]
    heads_first = (part.transpose(0, 1) for part in (query, key, value))
    expected = F.scaled_dot_product_attention(*heads_first, attn_mask=same).transpose(0, 1)
    actual = attend(query, key, value, pack_lengths(lengths))
    assert torch.allclose(actual, expected, atol=1e-6)


def test_frame_convolution_is_a_causal_convolution() -> None:
    conv = FrameConv(5, 7, 3)
    frames = torch.randn(9, 5, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = F.conv1d(F.pad(frames.T[None], (2, 0)), conv.weight, conv.bias)[0].T
        assert torch.allclose(conv(frames, pack_lengths([9])), expected, atol=1e-6)


def test_distances_do_not_depend_on_how_long_the_table_is() -> None:
    device = torch.device("cpu")
    short, long = (relative_distances(n, 8, device) for n in (10, 600))
    assert torch.equal(short, long[590:614])
    assert [len(relative_distances(n, 8, device)) % 8 for n in range(507, 515)] == [0] * 8
    assert torch.equal(short[9, 1::2], torch.ones(4))  # distance 0: cosines of 0


def test_times_run_from_noise_to_mel_and_are_dense_at_the_start() -> None:
    times = cosine_times(FlowConfig().steps)
    assert times[0] == 0
    assert abs(times[-1] - 1) < 1e-6
    assert abs(times[1] - 0.012312) < 1e-5
    assert bool((times.diff().diff()[:8] > 0).all())
