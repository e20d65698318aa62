"""The sound stage inside an engine: when batches start, which thread answers, how a thread dies."""

import random
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from narration.errors import EngineDied
from tests.model.worker.engine.fakes import (
    TIMEOUT_S,
    CountingDecoder,
    ToneRenderer,
    Waiting,
    says,
    toy_engine,
    utterance,
    wait_until,
)
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.sharing import Backlog
from worker.engine.sound_stage import _IDLE_S, SoundStage
from worker.engine.types import Heard, Utterance, make_turn


def test_a_batch_begins_once_it_is_worth_its_time() -> None:
    renderer, decoder = ToneRenderer(), CountingDecoder(slots=32)
    decoder.gate.clear()
    with toy_engine(decoder, renderer, batch=4) as engine:
        futures = [engine.submit(utterance("x" * n)) for n in range(3, 35)]
        decoder.gate.set()
        wait(futures, TIMEOUT_S)
    assert len(renderer.batches[0]) == 4
    assert sum(map(len, renderer.batches)) == 32


def test_a_batch_begins_with_the_utterance_whose_turn_it_is() -> None:
    renderer = ToneRenderer()
    renderer.gate.clear()
    with toy_engine(CountingDecoder(slots=8), renderer, batch=1) as engine:
        futures = [engine.submit(utterance("under way"))]
        wait_until(lambda: renderer.calls == 1)
        for text, turn in (("later", (0, 9)), ("sooner", (0, 3)), ("at once", (-5, 0))):
            futures.append(engine.submit(replace(utterance(text), turn=turn)))
            wait_until(lambda: len(engine._sound._waiting) == len(futures) - 1)
        renderer.gate.set()
        wait(futures, TIMEOUT_S)
    in_turn = ("under way", "at once", "sooner", "later")
    assert renderer.batches == [[len(text)] for text in in_turn]


def test_the_first_sound_that_somebody_waits_for_is_made_at_once_and_without_longer_ones() -> None:
    renderer, decoder = ToneRenderer(), CountingDecoder(slots=40)
    later, first = make_turn(10, 3), make_turn(10, 0)
    with toy_engine(decoder, renderer, batch=8) as engine:
        endless = [engine.submit(replace(utterance("x" * 4000), turn=later)) for _ in range(30)]
        waiting = engine.submit(replace(utterance("x" * 5), turn=later))
        wait_until(lambda: len(engine._sound._waiting) == 1)
        heard = engine.submit(replace(utterance("hello"), turn=first))
        assert says(heard.result(TIMEOUT_S), "hello")
        assert renderer.batches == [[5]]
        assert not waiting.done()
        for future in endless:
            future.cancel()
        waiting.result(TIMEOUT_S)


def test_while_t3_hurries_only_what_is_heard_soon_is_rendered() -> None:
    renderer, backlog = ToneRenderer(), Backlog()
    inside = {Heard.SOON: 1, Heard.LATER: 3}
    stage = SoundStage(renderer, 2, lambda: inside, backlog=backlog)
    backlog.hurry(is_hurrying=True)
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    midst = [
        stage.start(replace(utterance("midst"), turn=make_turn(5, 900 + n)), tokens)
        for n in range(3)
    ]
    article = stage.start(replace(utterance("hello"), turn=make_turn(5, 7)), tokens)
    article.result(TIMEOUT_S)
    assert [len(batch) for batch in renderer.batches] == [1]
    assert not any(future.done() for future in midst)
    backlog.hurry(is_hurrying=False)
    wait(midst, TIMEOUT_S)
    stage.close()


def test_later_chunks_of_streams_share_small_batches() -> None:
    renderer = ToneRenderer()
    # So many are to come that no partial batch begins.
    stage = SoundStage(renderer, 30, lambda: {Heard.STREAMED: 1000})
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    later = [replace(utterance("later"), turn=make_turn(10, 1 + n)) for n in range(17)]
    futures = [stage.start(one, tokens) for one in later]
    wait(futures[:16], TIMEOUT_S)
    assert [len(batch) for batch in renderer.batches] == [8, 8]
    assert not futures[16].done()
    stage.close()
    assert futures[16].done()


def test_no_batch_waits_for_utterances_that_were_cancelled() -> None:
    decoder = CountingDecoder(slots=16)
    with toy_engine(decoder, batch=4) as engine:
        endless = [engine.submit(utterance("x" * 900)) for _ in range(15)]
        wait_until(lambda: len(decoder.busy) == 15)
        short = engine.submit(utterance("short"))
        assert not short.done()
        for future in endless:
            future.cancel()
        assert says(short.result(TIMEOUT_S), "short")


def test_several_threads_of_sound_answer_each_utterance_once() -> None:
    texts = ["x" * random.Random(i).randrange(1, 40) for i in range(80)]
    with toy_engine(CountingDecoder(slots=8), batch=1, threads=3) as engine:
        futures = [engine.submit(utterance(text, i)) for i, text in enumerate(texts)]
        for i, future in enumerate(futures):
            assert says(future.result(TIMEOUT_S), texts[i], i)


def test_one_thread_of_sound_that_dies_fails_what_the_others_render() -> None:
    renderer = ToneRenderer()
    with toy_engine(CountingDecoder(slots=8), renderer, batch=1, threads=2) as engine:
        renderer.gate.clear()
        futures = [engine.submit(utterance("x" * 3, seed=i)) for i in (0, 4999)]  # says 5000
        wait_until(lambda: renderer.calls == 2)
        renderer.is_healthy = False
        renderer.gate.set()
        for future in futures:
            with pytest.raises(EngineDied):
                future.result(TIMEOUT_S)
        assert not engine.is_alive()
        engine.close(abort=True)


def test_a_batch_is_prepared_while_another_is_computed() -> None:
    renderer = ToneRenderer()
    renderer.gate.clear()
    with toy_engine(CountingDecoder(slots=8), renderer, batch=1, threads=2) as engine:
        futures = [engine.submit(utterance("x" * n)) for n in (3, 4, 5)]
        wait_until(lambda: renderer.calls == 2)
        assert not renderer.batches
        renderer.gate.set()
        wait(futures, TIMEOUT_S)
    assert sorted(renderer.batches) == [[3], [4], [5]]


class CountsTokens(ToneRenderer):
    """Counts utterances by their tokens, ten of which are an average one."""

    def batch_share(self, utterance: Utterance, speech_tokens: SpeechTokens) -> float:
        del utterance
        return len(speech_tokens.tokens) / 10


def test_a_batch_is_full_by_cost_and_an_utterance_that_costs_more_goes_alone() -> None:
    renderer, waiting = CountsTokens(), Waiting()
    renderer.gate.clear()
    decoder = CountingDecoder(slots=32)
    with toy_engine(decoder, renderer, batch=2, waiting=waiting) as engine:
        futures = [engine.submit(utterance("x"))]
        wait_until(lambda: renderer.calls == 1)
        futures += [engine.submit(utterance("x" * n)) for n in [5] * 6 + [20, 60]]
        wait_until(lambda: waiting.batches == (6 * 5 + 20 + 60) / 10 / 2)
        renderer.gate.set()
        wait(futures, TIMEOUT_S)
    assert sorted(renderer.batches) == [[1], [5, 5], [5, 5, 5, 5], [20], [60]]


class Holder(ToneRenderer):
    """Fails every batch of several utterances; checks that the failed batch's memory is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.held: weakref.ref[CountingDecoder] | None = None
        self.was_free: list[bool] = []

    def render(
        self, utterances: Sequence[Utterance], speech_tokens: Sequence[SpeechTokens]
    ) -> list[npt.NDArray[np.float32]]:
        self.was_free.append(self.held is None or self.held() is None)
        tensors = CountingDecoder()
        self.held = weakref.ref(tensors)
        if len(speech_tokens) > 1:
            raise MemoryError
        return super().render(utterances, speech_tokens)


def test_a_batch_that_fails_lets_go_of_its_memory_before_its_halves_are_tried() -> None:
    renderer, waiting = Holder(), Waiting()
    renderer.gate.clear()
    with toy_engine(CountingDecoder(slots=8), renderer, batch=4, waiting=waiting) as engine:
        futures = [engine.submit(utterance("xxx"))]
        wait_until(lambda: renderer.calls == 1)
        futures += [engine.submit(utterance("xxx")) for _ in range(4)]
        wait_until(lambda: waiting.batches == 1)
        renderer.gate.set()
        wait(futures, TIMEOUT_S)
    assert all(says(future.result(), "xxx") for future in futures)
    assert renderer.was_free == [True] * 8  # one, then four, two, one, one, two, one, one


def test_while_idle_the_renderer_prepares_until_nothing_is_left() -> None:
    renderer = ToneRenderer()
    with toy_engine(renderer=renderer, threads=2) as engine:
        wait_until(lambda: renderer.prepared == 3)
        assert says(engine.submit(utterance("still speaks")).result(TIMEOUT_S), "still speaks")
    assert renderer.prepared == 3


def test_nothing_is_prepared_between_utterances_that_follow_each_other() -> None:
    renderer = ToneRenderer()
    with toy_engine(renderer=renderer, threads=2) as engine:
        began = left_at = time.monotonic()
        while left_at - began < 2 * _IDLE_S:
            engine.submit(utterance("hello")).result(TIMEOUT_S)
            is_idle = time.monotonic() - left_at >= _IDLE_S  # the machine was busy
            left_at = time.monotonic()
            assert is_idle or not renderer.prepared
            if is_idle:
                break
        wait_until(lambda: renderer.prepared == 3)


def test_what_cannot_be_prepared_harms_nobody() -> None:
    renderer = ToneRenderer()
    renderer.can_prepare = False
    with toy_engine(renderer=renderer, threads=2) as engine:
        wait_until(lambda: renderer.prepared == 1)
        assert says(engine.submit(utterance("still speaks")).result(TIMEOUT_S), "still speaks")
        assert engine.is_alive()
    assert renderer.prepared == 1
