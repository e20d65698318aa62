"""Which batches are rendered in advance, and on which stream one is rendered."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from training.tiny_checkpoint import CONFIG
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.graphs import Shape, find_shape
from worker.chatterbox.s3gen.packing import Packing, pack_lengths
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.options import EngineOptions, resolve
from worker.engine.renderer import (
    _AVERAGE_FRAMES,
    _LEAST_FRAMES,
    _LENGTHS,
    _STREAMED,
    TorchRenderer,
    batches_to_prepare,
    fill_batch,
    with_first,
)
from worker.engine.sharing import Sharing
from worker.engine.types import STREAM_PRIORITY, Delivery, Utterance, heard, make_turn

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


def test_what_listeners_hear_first_is_prepared_on_its_own_stream_first() -> None:
    batches = batches_to_prepare(55, 500)
    prepared = with_first(batches)
    firsts = [one for one in prepared if one[0]]
    assert prepared == [*firsts, *(((), *one) for one in batches)]
    assert {heard(turn) for turn, _, _ in firsts} == {heard(make_turn(STREAM_PRIORITY, 0))}
    assert firsts[0][1:] == batches[0]
    assert max(count for _, count, _ in firsts) == 8
    assert max(tokens for _, _, tokens in firsts) == 126


def test_nearly_all_batches_of_streams_find_the_flows_graph() -> None:
    def share_without_a_new_graph(batches: list[tuple[int, int]]) -> float:
        known: set[Shape] = set()
        for count, tokens in batches:
            if shape := find_shape(_guided([tokens] * count), known):
                known.add(shape)
        draw = random.Random(1)
        met = [
            find_shape(_guided(draw.choices(range(70, 400), k=draw.randint(3, 14))), known) in known
            for _ in range(300)
        ]
        return sum(met) / len(met)

    assert share_without_a_new_graph(batches_to_prepare(42, 500)) < 0.5
    assert share_without_a_new_graph(batches_to_prepare(42, 500, more=_STREAMED)) > 0.95


def _guided(tokens: list[int]) -> Packing:
    """Return how the flow packs utterances of these lengths after a voice prompt of 10 s."""
    return pack_lengths([500 + 2 * one for one in tokens] * 2)


class Networks:
    """Makes waveforms of as many samples as there are tokens, and counts calls."""

    calls = 0

    def render(self, utterances: Any, speech_tokens: Any, noise: Any) -> Any:
        del utterances, noise
        self.calls += 1
        return [np.zeros(len(one.tokens), np.float32) for one in speech_tokens]


@pytest.mark.parametrize(
    ("index", "tokens", "is_on_first"), [(0, 40, True), (0, 127, False), (3, 40, False)]
)
def test_short_first_sounds_are_rendered_on_their_own_stream(
    index: int, tokens: int, *, is_on_first: bool
) -> None:
    options = resolve(EngineOptions(device="cpu", back_end="torch"))
    flow, vocoder = Flow(CONFIG.flow), Vocoder(CONFIG.hift)
    renderer = TorchRenderer(flow, vocoder, None, options, Sharing())
    assert renderer.first_tokens == 0
    assert not set(_STREAMED) & {one[1:] for one in renderer._choose_batches()}
    firsts, others = Networks(), Networks()
    renderer._networks, renderer._first_networks = others, firsts  # type: ignore[assignment]
    assert renderer.first_tokens == 126
    renderer._batch = 42
    assert set(_STREAMED) <= {one[1:] for one in renderer._choose_batches()}
    renderer._batch = 4
    assert not set(_STREAMED) & {one[1:] for one in renderer._choose_batches() if one[1] > 7}
    one = Utterance(text="", voice=renderer._silent_voice, delivery=Delivery(), seed=0)
    spoken = SpeechTokens(tokens=torch.zeros(tokens, dtype=torch.int64), is_truncated=False)
    renderer.render([replace(one, turn=make_turn(STREAM_PRIORITY, index))], [spoken])
    assert (firsts.calls, others.calls) == ((1, 0) if is_on_first else (0, 1))
