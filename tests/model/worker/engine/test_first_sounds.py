"""First sounds of streams, made on a thread of their own beside the other batches."""

import threading
import time
from concurrent.futures import wait
from dataclasses import replace

import torch

from tests.model.worker.engine.fakes import TIMEOUT_S, ToneRenderer, utterance, wait_until
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.sound_stage import SoundStage
from worker.engine.types import Heard, make_turn


def test_where_the_renderer_can_first_sounds_are_made_beside_the_batch_under_way() -> None:
    renderer = ToneRenderer()
    renderer.first_tokens = 10
    stage = SoundStage(renderer, 2, lambda: {Heard.LATER: 1})
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    renderer.gate.clear()
    later = stage.start(replace(utterance("later"), turn=make_turn(5, 900)), tokens)
    wait_until(lambda: renderer.calls == 1)
    waits = stage.start(replace(utterance("waits"), turn=make_turn(5, 901)), tokens)
    first = stage.start(replace(utterance("first"), turn=make_turn(10, 0)), tokens)
    wait_until(lambda: renderer.calls == 2)
    assert not waits.done()
    renderer.gate.set()
    wait([first, later, waits], TIMEOUT_S)
    assert renderer.calls == 3
    stage.close()
    assert not stage.is_alive()


def test_a_stage_with_a_thread_for_first_sounds_ends_all_of_its_threads() -> None:
    renderer = ToneRenderer()
    renderer.first_tokens = 10
    stage = SoundStage(renderer, 8, lambda: {Heard.LATER: 100}, threads=2)
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    waits = stage.start(replace(utterance("waits"), turn=make_turn(5, 900)), tokens)
    stage.close()
    assert waits.done()


def test_each_kind_wakes_its_own_thread_once_nothing_is_left_to_prepare() -> None:
    renderer = ToneRenderer()
    renderer.first_tokens = 10
    stage = SoundStage(renderer, 2, dict)
    wait_until(lambda: renderer.prepared == 3)
    time.sleep(0.1)  # until all threads wait again
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    for priority, index in ((5, 900), (10, 0), (5, 901), (10, 0)):
        one = replace(utterance("said"), turn=make_turn(priority, index))
        stage.start(one, tokens).result(TIMEOUT_S)
    stage.close()


def test_a_first_sound_does_not_wait_for_a_preparation() -> None:
    renderer = ToneRenderer()
    renderer.first_tokens = 10
    preparing, go_on = threading.Event(), threading.Event()

    def prepare() -> bool:
        preparing.set()
        return not go_on.wait(TIMEOUT_S)

    renderer.prepare = prepare  # type: ignore[method-assign]
    stage = SoundStage(renderer, 2, dict)
    assert preparing.wait(TIMEOUT_S)
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    first = stage.start(replace(utterance("first"), turn=make_turn(10, 0)), tokens)
    first.result(TIMEOUT_S / 2)
    go_on.set()
    stage.close()


def test_a_long_first_sound_keeps_no_short_one_from_its_thread() -> None:
    renderer = ToneRenderer()
    renderer.first_tokens = 10
    stage = SoundStage(renderer, 8, lambda: {Heard.LATER: 1})
    first = replace(utterance("first"), turn=make_turn(10, 0))
    long, short = (
        SpeechTokens(tokens=torch.arange(count), is_truncated=False) for count in (11, 10)
    )
    renderer.gate.clear()
    slow = stage.start(first, long)
    wait_until(lambda: renderer.calls == 1)
    quick = stage.start(first, short)
    wait_until(lambda: renderer.calls == 2)  # beside the long one
    renderer.gate.set()
    wait([slow, quick], TIMEOUT_S)
    assert sorted(renderer.batches) == [[10], [11]]
    stage.close()
