"""The sound stage inside an engine: when batches begin, who answers, and how a thread dies."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait

import pytest

from narration.errors import EngineDied
from tests.model.worker.speech.fakes import (
    TIMEOUT_S,
    CountingDecoder,
    ToneRenderer,
    says,
    toy_engine,
    utterance,
    wait_until,
)
from worker.chatterbox.t3.decoder import Spoken
from worker.speech.sound import Waveforms
from worker.speech.types import Utterance


def test_a_batch_begins_once_it_is_worth_its_time() -> None:
    renderer, decoder = ToneRenderer(), CountingDecoder(slots=32)
    decoder.gate.clear()
    with toy_engine(decoder, renderer, batch=4) as engine:
        futures = [engine.submit(utterance("x" * n)) for n in range(3, 35)]
        decoder.gate.set()
        wait(futures, TIMEOUT_S)
    assert len(renderer.batches[0]) == 4
    assert sum(map(len, renderer.batches)) == 32


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


class Watched(ToneRenderer):
    """Lets the second batch begin when told to; counts the batches that were waited for."""

    def __init__(self, *, works_ahead: bool) -> None:
        super().__init__()
        self.works_ahead = works_ahead
        self.second = threading.Event()
        self.waited_for = 0

    def render(
        self, utterances: Sequence[Utterance], spoken: Sequence[Spoken]
    ) -> Callable[[], Waveforms]:
        if self.calls == 1:
            assert self.second.wait(TIMEOUT_S)
        begun = super().render(utterances, spoken)

        def wait_for_it() -> Waveforms:
            self.waited_for += 1
            return begun()

        return wait_for_it


def test_what_is_rendered_at_once_is_answered_before_the_next_begins() -> None:
    renderer = Watched(works_ahead=False)
    renderer.gate.clear()
    with toy_engine(CountingDecoder(slots=8), renderer, batch=1) as engine:
        first, second = engine.submit(utterance("a")), engine.submit(utterance("bc"))
        renderer.gate.set()
        assert says(first.result(TIMEOUT_S), "a")
        assert not second.done()
        renderer.second.set()
        assert says(second.result(TIMEOUT_S), "bc")


def test_a_batch_under_way_gives_back_what_it_holds_when_its_thread_dies() -> None:
    renderer, decoder = Watched(works_ahead=True), CountingDecoder(slots=8)
    renderer.gate.clear()
    with toy_engine(decoder, renderer, batch=1) as engine:
        first, second = engine.submit(utterance("a")), engine.submit(utterance("b", seed=5000))
        wait_until(lambda: renderer.calls == 1 and decoder.steps >= 1 and not decoder.busy)
        time.sleep(0.1)  # the second waits for the first
        renderer.gate.set()
        wait_until(lambda: renderer.batches)
        renderer.is_healthy = False
        renderer.second.set()
        for future in (first, second):
            with pytest.raises(EngineDied):
                future.result(TIMEOUT_S)
        wait_until(lambda: renderer.waited_for == 1)
        engine.close(abort=True)
