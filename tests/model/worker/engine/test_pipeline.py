import gc
import random
import threading
import weakref
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest

from narration.errors import EngineDied, SpeechError
from tests.model.worker.engine.fakes import (
    TIMEOUT_S,
    CountingDecoder,
    ToneRenderer,
    Waiting,
    prepare,
    says,
    toy_engine,
    utterance,
    wait_until,
)
from worker.engine import precedence
from worker.engine.admission import Admission
from worker.engine.pipeline import PipelineEngine
from worker.engine.sharing import Backlog
from worker.engine.slot_stage import SlotStage
from worker.engine.sound_stage import SoundStage
from worker.engine.types import Utterance, make_turn


def test_each_of_many_threads_gets_its_own_speech() -> None:
    texts = ["x" * random.Random(i).randrange(1, 60) for i in range(60)]
    with toy_engine() as engine, ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda i: engine.submit(utterance(texts[i], i)), range(60)))
        for i, future in enumerate(futures):
            assert says(future.result(TIMEOUT_S), texts[i], i)


def test_short_utterance_does_not_wait_for_long_one() -> None:
    with toy_engine(CountingDecoder(slots=2)) as engine:
        long = engine.submit(utterance("x" * 900))
        for _ in range(5):
            assert says(engine.submit(utterance("short")).result(TIMEOUT_S), "short")
        assert not long.done()
        assert says(long.result(TIMEOUT_S), "x" * 900)


def test_free_slot_is_refilled_while_others_speak() -> None:
    decoder = CountingDecoder(slots=2)
    with toy_engine(decoder) as engine:
        wait([engine.submit(utterance("x" * n)) for n in (99, 30, 30, 30)])
    assert decoder.steps <= 99 + 3  # in turns of two it would take 99 + 30


def test_first_sounds_one_after_another_do_not_hold_up_partial_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precedence, "_CREDIT_S", 0.2)
    admission, backlog = Admission(100, first=100), Backlog()
    sound = SoundStage(ToneRenderer(), 32, lambda: admission.inside, backlog=backlog)
    token_stage = SlotStage(lambda: CountingDecoder(slots=40), backlog=backlog)
    is_over = threading.Event()
    with PipelineEngine(prepare, token_stage, sound, admission) as engine:

        def listen() -> None:
            while not is_over.is_set():
                engine.submit(replace(utterance("x" * 20), turn=make_turn(10, 0))).result()

        with ThreadPoolExecutor(2) as listeners:
            futures = [listeners.submit(listen) for _ in range(2)]
            try:
                for turn in (make_turn(5, 3), make_turn(5, 900), make_turn(10, 1)):
                    heard = engine.submit(replace(utterance("hello"), turn=turn))
                    assert says(heard.result(TIMEOUT_S), "hello")
            finally:
                is_over.set()
            wait(futures)


def test_cancelled_utterance_leaves_the_batch() -> None:
    decoder = CountingDecoder(slots=1)
    with toy_engine(decoder) as engine:
        endless = engine.submit(utterance("x" * 900))
        wait_until(lambda: decoder.busy)
        assert endless.cancel()
        assert says(engine.submit(utterance("next")).result(TIMEOUT_S), "next")
        assert decoder.steps < 900


def test_cancelled_utterance_never_starts() -> None:
    decoder = CountingDecoder(slots=1)
    decoder.gate.clear()
    with toy_engine(decoder) as engine:
        first, second = engine.submit(utterance("a")), engine.submit(utterance("b" * 500))
        assert second.cancel()
        decoder.gate.set()
        first.result(TIMEOUT_S)
        with pytest.raises(CancelledError):
            second.result()
    assert decoder.steps < 500


def test_utterance_cancelled_before_its_sound_is_not_rendered() -> None:
    renderer, waiting = ToneRenderer(), Waiting()
    renderer.gate.clear()
    with toy_engine(renderer=renderer, batch=1, waiting=waiting) as engine:
        first = engine.submit(utterance("a"))
        wait_until(lambda: renderer.calls)
        second = engine.submit(utterance("bbbb"))
        wait_until(lambda: waiting.batches == 1)
        second.cancel()
        renderer.gate.set()
        first.result(TIMEOUT_S)
    assert renderer.batches == [[1]]


def test_submit_blocks_while_the_engine_is_full() -> None:
    decoder = CountingDecoder()
    decoder.gate.clear()
    engine = toy_engine(decoder, queue_limit=2)
    taken = [engine.submit(utterance("ab")) for _ in range(2)]
    third: Future[Any] = Future()
    thread = threading.Thread(target=lambda: third.set_result(engine.submit(utterance("c"))))
    thread.start()
    with pytest.raises(TimeoutError):
        third.result(0.1)
    decoder.gate.set()
    assert says(third.result(TIMEOUT_S).result(TIMEOUT_S), "c")
    wait(taken)
    engine.close()
    thread.join()


def test_refused_utterance_fails_alone() -> None:
    with toy_engine() as engine:
        good, bad = engine.submit(utterance("good")), engine.submit(utterance("poison"))
        with pytest.raises(SpeechError, match="refused"):
            bad.result(TIMEOUT_S)
        assert says(good.result(TIMEOUT_S), "good")
        assert engine.is_alive()


def test_utterance_whose_numbers_go_wrong_fails_alone() -> None:
    with toy_engine() as engine:
        good, bad = engine.submit(utterance("x" * 20)), engine.submit(utterance("nan nan"))
        with pytest.raises(SpeechError, match="not finite"):
            bad.result(TIMEOUT_S)
        assert says(good.result(TIMEOUT_S), "x" * 20)


def test_utterance_that_says_nothing_fails_alone() -> None:
    with toy_engine() as engine, pytest.raises(SpeechError, match="said nothing"):
        engine.submit(utterance("")).result(TIMEOUT_S)


def test_tokens_that_cannot_be_rendered_fail_alone() -> None:
    renderer, waiting = ToneRenderer(), Waiting()
    renderer.gate.clear()
    with toy_engine(CountingDecoder(slots=9), renderer, batch=8, waiting=waiting) as engine:
        futures = [engine.submit(utterance("abcd", 0))]
        wait_until(lambda: renderer.calls)
        futures += [engine.submit(utterance("abcd", seed)) for seed in (1, 2, 4998, 4, 5)]
        wait_until(lambda: waiting.batches == 5 / 8)
        renderer.gate.set()
        with pytest.raises(SpeechError, match="cannot be rendered"):
            futures.pop(3).result(TIMEOUT_S)
        for seed, future in zip((0, 1, 2, 4, 5), futures, strict=True):
            assert says(future.result(TIMEOUT_S), "abcd", seed)


def test_dead_token_stage_fails_everything_for_good() -> None:
    decoder = CountingDecoder(slots=2)
    decoder.dies_at_step = 7
    engine = toy_engine(decoder)
    futures = [engine.submit(utterance("x" * 50)) for _ in range(5)]
    for future in futures:
        with pytest.raises(EngineDied, match="device is gone"):
            future.result(TIMEOUT_S)
    assert not engine.is_alive()
    with pytest.raises(EngineDied):
        engine.submit(utterance("late"))
    engine.close()


def test_dead_sound_stage_fails_everything_for_good() -> None:
    renderer = ToneRenderer()
    engine = toy_engine(CountingDecoder(slots=2), renderer)
    futures = [engine.submit(utterance("x" * n)) for n in (5, 900, 900, 900)]
    renderer.is_healthy = False
    for future in futures:
        with pytest.raises(EngineDied):
            future.result(TIMEOUT_S)
    assert not engine.is_alive()
    engine.close()


def test_submitter_who_waits_is_told_of_the_death() -> None:
    decoder = CountingDecoder()
    decoder.dies_at_step = 1
    decoder.gate.clear()
    engine = toy_engine(decoder, queue_limit=1)
    engine.submit(utterance("x"))
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(engine.submit, utterance("y"))
        decoder.gate.set()
        with pytest.raises(EngineDied):
            late.result(TIMEOUT_S)
    engine.close()


def test_close_finishes_what_is_under_way() -> None:
    engine = toy_engine(CountingDecoder(slots=1))
    futures = [engine.submit(utterance("x" * 40)) for _ in range(3)]
    engine.close()
    assert all(says(future.result(0), "x" * 40) for future in futures)
    with pytest.raises(EngineDied):
        engine.submit(utterance("late"))


def test_abort_fails_what_is_under_way() -> None:
    engine = toy_engine(CountingDecoder(slots=1))
    futures = [engine.submit(utterance("x" * 900)) for _ in range(3)]
    engine.close(abort=True)
    for future in futures:
        with pytest.raises(EngineDied):
            future.result(0)


def test_batches_are_made_of_like_lengths() -> None:
    renderer, waiting = ToneRenderer(), Waiting()
    renderer.gate.clear()
    decoder = CountingDecoder(slots=9)
    with toy_engine(decoder, renderer, batch=2, waiting=waiting) as engine:
        futures = [engine.submit(utterance("x"))]
        wait_until(lambda: renderer.calls)
        futures += [engine.submit(utterance("x" * n)) for n in (40, 10, 41, 11)]
        wait_until(lambda: waiting.batches == 4 / 2)
        renderer.gate.set()
        wait(futures)
    assert sorted(renderer.batches) == [[1], [10, 11], [40, 41]]


def test_a_long_book_leaves_nothing_behind() -> None:
    before = count_utterances()
    with toy_engine(CountingDecoder(slots=8, step_s=0), queue_limit=16) as engine:
        for start in range(0, 2000, 500):
            wait([engine.submit(utterance("word", seed)) for seed in range(start, start + 500)])
        wait_until(lambda: count_utterances() == before)


def test_a_waveform_is_freed_without_a_garbage_collection() -> None:
    gc.disable()
    try:
        with toy_engine() as engine:
            speech = engine.submit(utterance("word"))
            waveform = weakref.ref(speech.result(TIMEOUT_S).waveform)
            del speech
            wait([engine.submit(utterance("next"))])  # a thread keeps the batch before
            wait_until(lambda: waveform() is None)
    finally:
        gc.enable()


def count_utterances() -> int:
    gc.collect()
    return sum(type(one) is Utterance for one in gc.get_objects())


def test_an_utterance_that_cannot_even_be_prepared_takes_no_place() -> None:
    with toy_engine(queue_limit=1) as engine:
        for _ in range(3):
            with pytest.raises(AttributeError):
                engine.submit(None)  # type: ignore[arg-type]
        assert says(engine.submit(utterance("good")).result(TIMEOUT_S), "good")
