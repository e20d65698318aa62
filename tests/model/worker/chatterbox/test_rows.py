import torch

from worker.chatterbox.rows import Ends, find_ends, group_by_length, pad_rows


def test_groups_are_few_alike_and_of_one_size() -> None:
    lengths = [7 * index % 39 for index in range(39)]
    groups = group_by_length(lengths, 16)
    assert [len(group) for group in groups] == [13, 13, 13]
    assert sorted(index for group in groups for index in group) == list(range(39))
    spans = [(lengths[group[0]], lengths[group[-1]]) for group in groups]
    assert spans == [(0, 12), (13, 25), (26, 38)]
    assert group_by_length([5], 16) == [[0]]
    assert group_by_length([], 16) == []


def test_ends_follow_layers_that_change_lengths() -> None:
    ends = find_ends([2, 5], "cpu")
    longer = ends.scale(3, more=1)
    assert longer.longest == 16
    assert longer.ends is not None
    assert longer.ends.tolist() == [7, 16]
    mask = longer.divide(4).mask()
    assert mask is not None
    assert mask.tolist() == [[[1, 0, 0, 0]], [[1, 1, 1, 1]]]
    assert find_ends([4, 4], "cpu") == Ends(longest=4, ends=None)
    assert Ends(longest=4, ends=None).scale(2).mask() is None


def test_rows_are_laid_into_any_larger_batch() -> None:
    rows = [torch.ones(2, 3), torch.ones(1, 3)]
    padded = pad_rows(rows, 4, 5)
    assert padded.shape == (4, 5, 3)
    assert padded.sum((1, 2)).tolist() == [6, 3, 0, 0]
    assert pad_rows(rows, 2, 2).shape == (2, 2, 3)
