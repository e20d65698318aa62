"""Which full batches are rendered in advance."""

import pytest

from worker.engine.renderer import (
    _AVERAGE_FRAMES,
    _LEAST_FRAMES,
    _LENGTHS,
    batches_to_prepare,
    fill_batch,
)

_ROWS = 256  # frames of the estimator's largest graph, with guidance


@pytest.mark.parametrize("batch", [1, 2, 5, 11, 17, 55, 64])
@pytest.mark.parametrize("prompt", [100, 250, 500])
def test_each_length_is_prepared_once_by_a_batch_that_can_be(batch: int, prompt: int) -> None:
    met = set()
    for wanted in _LENGTHS:
        count, tokens = fill_batch(batch, wanted, prompt)
        frames = max(prompt + 2 * tokens, _LEAST_FRAMES)
        assert count * frames <= batch * _AVERAGE_FRAMES or count == 1
        assert 2 * count < _ROWS
        met.add(-(-2 * tokens // 128))  # the vocoder's steps of length
    assert len(met) == len(_LENGTHS)


def test_a_batch_is_filled_up() -> None:
    count, tokens = fill_batch(55, 484, 500)
    assert count * (500 + 2 * tokens) > 0.99 * 55 * _AVERAGE_FRAMES


@pytest.mark.parametrize("batch", [1, 5, 55])
def test_batches_that_listeners_wait_for_are_prepared_first_and_all_of_them_fit(batch: int) -> None:
    batches = batches_to_prepare(batch, 500)
    assert batches[:3] == [(1, 62), (1, 30), (1, 94)]
    for count, tokens in batches:
        frames = max(500 + 2 * tokens, _LEAST_FRAMES)
        assert count * frames <= batch * _AVERAGE_FRAMES or count == 1
    assert {fill_batch(batch, tokens, 500) for tokens in _LENGTHS} <= set(batches)


def test_every_step_of_length_of_one_utterance_is_prepared() -> None:
    alone = {tokens for count, tokens in batches_to_prepare(55, 500) if count == 1}
    for tokens in range(7, 479):
        assert any(-(-tokens // 32) == -(-one // 32) for one in alone)  # of the vocoder
        assert any(-(-(250 + tokens) // 32) == -(-(250 + one) // 32) for one in alone)  # encoder
