"""The token stage over a decoder whose tokens are known: opening, pausing, cancelling, closing."""

import threading
import time
from collections.abc import Collection
from concurrent.futures import Future, wait

import pytest

from narration.errors import CheckpointError, EngineDied
from tests.model.worker.engine.fakes import (
    TIMEOUT_S,
    CountingDecoder,
    prepare,
    utterance,
    wait_until,
)
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.engine.sharing import Backlog
from worker.engine.slot_stage import SlotStage
from worker.engine.types import make_turn


def prompt(text: str) -> Prompt:
    return prepare(utterance(text))


def test_a_decoder_that_does_not_open_is_reported_to_whoever_starts_the_stage() -> None:
    def fail() -> CountingDecoder:
        raise CheckpointError("the weights are damaged")

    with pytest.raises(CheckpointError, match="damaged"):
        SlotStage(fail)


def test_the_decoder_is_opened_on_the_thread_that_steps_it() -> None:
    opened_on: list[threading.Thread] = []
    stepped_on: list[threading.Thread] = []

    class Watched(CountingDecoder):
        def step(self, only: Collection[int] = ()) -> None:
            stepped_on.append(threading.current_thread())
            super().step(only)

    def open_decoder() -> CountingDecoder:
        opened_on.append(threading.current_thread())
        return Watched()

    stage = SlotStage(open_decoder)
    stage.start(prompt("abc")).result(TIMEOUT_S)
    stage.close()
    assert set(stepped_on) == set(opened_on) != {threading.current_thread()}


def test_closing_frees_the_decoder_after_the_last_utterance() -> None:
    decoder = CountingDecoder()
    stage = SlotStage(lambda: decoder)
    future = stage.start(prompt("x" * 40))
    stage.close()
    assert len(future.result(0).tokens) == 40
    assert decoder.is_closed


class Narrow(CountingDecoder):
    """Admits one utterance at a time, however many slots are free."""

    def join(self, prompt: Prompt) -> int | None:  # type: ignore[override]
        return None if self.busy else super().join(prompt)


def test_an_utterance_that_cannot_join_yet_is_not_overtaken() -> None:
    finished: list[str] = []
    stage = SlotStage(Narrow)
    futures = []
    for text in ("xxxx", "xx", "x"):
        futures.append(stage.start(prompt(text)))
        futures[-1].add_done_callback(lambda _, text=text: finished.append(text))
    wait(futures, TIMEOUT_S)
    stage.close()
    assert finished == ["xxxx", "xx", "x"]


def test_a_slot_is_left_to_what_somebody_waits_for() -> None:
    decoder = CountingDecoder(slots=3, step_s=0.005)
    stage = SlotStage(lambda: decoder, reserved=1)
    ordinary = [stage.start(prompt("x" * 1000), make_turn(5, 100 + n)) for n in range(4)]
    wait_until(lambda: len(decoder.busy) == 2)
    time.sleep(0.05)
    assert len(decoder.busy) == 2
    beginning = stage.start(prompt("x"), make_turn(5, 0))
    urgent = stage.start(prompt("x"), make_turn(9, 100))
    wait([beginning, urgent], TIMEOUT_S)
    assert not any(future.done() for future in ordinary)
    for future in ordinary:
        future.cancel()
    stage.close()


def crowd(stage: SlotStage, decoder: CountingDecoder) -> list[Future[SpeechTokens]]:
    """Start more utterances than there are slots, and wait until all slots are taken."""
    futures = [stage.start(prompt("x" * 50)) for _ in range(6)]
    wait_until(lambda: len(decoder.busy) == 3)
    return futures


def test_a_crowded_stage_pauses_while_the_sound_stage_is_behind() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=3)
    backlog.update(9.0)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = crowd(stage, decoder)
    steps = decoder.steps
    time.sleep(0.2)
    assert decoder.steps <= steps + 1  # which was under way
    backlog.update(0.0)
    done, _ = wait(futures, TIMEOUT_S)
    assert len(done) == 6
    stage.close()


BOOK = 65  # of fewer, T3 steps all


def book(stage: SlotStage, decoder: CountingDecoder) -> list[Future[SpeechTokens]]:
    """Start the midst of a book."""
    futures = [stage.start(prompt("x" * 400), make_turn(5, 1000 + n)) for n in range(BOOK)]
    wait_until(lambda: len(decoder.busy) == BOOK)
    return futures


def test_a_stage_hurries_for_an_article_beside_a_book_and_then_pauses_again() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=BOOK + 1)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = book(stage, decoder)
    assert not backlog.is_hurrying
    article = stage.start(prompt("x" * 40), make_turn(5, 7))
    wait_until(lambda: len(decoder.busy) == BOOK + 1)
    backlog.update(5.0)
    futures.append(stage.start(prompt("x"), make_turn(5, 2000)))  # crowded
    assert backlog.is_hurrying
    article.result(TIMEOUT_S)
    wait_until(lambda: not backlog.is_hurrying)
    backlog.update(0.0)
    for future in futures:
        future.cancel()
    stage.close()


def test_an_article_beside_a_book_is_decoded_alone() -> None:
    decoder = CountingDecoder(slots=BOOK + 1)
    stage = SlotStage(lambda: decoder)
    futures = book(stage, decoder)
    said = {slot: len(tokens) for slot, (_, tokens) in decoder.busy.items()}
    article = stage.start(prompt("x" * 200), make_turn(5, 7))
    assert len(article.result(TIMEOUT_S).tokens) == 200
    since = [len(tokens) - said[slot] for slot, (_, tokens) in decoder.busy.items()]
    assert max(since) < 100  # it got a step whenever it wanted, the book did not
    assert sum(len(slots) == 1 for slots in decoder.stepped_alone) >= 190
    for future in futures:
        future.cancel()
    stage.close()


def test_an_article_beside_less_of_a_book_goes_first_and_nobody_stands_still() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=18)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = [stage.start(prompt("x" * 4000), make_turn(5, 1000 + n)) for n in range(17)]
    wait_until(lambda: len(decoder.busy) == 17)
    article = stage.start(prompt("x" * 1000), make_turn(5, 7))
    wait_until(lambda: len(decoder.busy) == 18)
    backlog.update(5.0)
    futures.append(stage.start(prompt("x"), make_turn(5, 2000)))  # crowded
    assert backlog.is_hurrying
    assert len(article.result(TIMEOUT_S).tokens) == 1000  # T3 did not pause
    assert not any(decoder.stepped_alone)
    for future in futures:
        future.cancel()
    backlog.update(0.0)
    stage.close()


def test_a_stage_that_has_nothing_left_no_longer_hurries() -> None:
    """All end in one step, so that the sound stage must not wait for another."""
    backlog, decoder = Backlog(), CountingDecoder(slots=BOOK + 1)
    ends = threading.Event()
    backlog.on_calm = ends.set
    stage = SlotStage(lambda: decoder, backlog=backlog)
    decoder.gate.clear()
    futures = [stage.start(prompt("x" * 20), make_turn(5, 1000 + n)) for n in range(BOOK)]
    futures.append(stage.start(prompt("x" * 20), make_turn(5, 7)))
    decoder.gate.set()
    wait(futures, TIMEOUT_S)
    wait_until(lambda: not backlog.is_hurrying)
    assert ends.wait(TIMEOUT_S)
    stage.close()


def test_a_stage_that_dies_no_longer_hurries() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=BOOK + 1)
    decoder.dies_at_step = 50
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = book(stage, decoder)
    futures.append(stage.start(prompt("x" * 400), make_turn(5, 7)))
    for future in futures:
        with pytest.raises(EngineDied):
            future.result(TIMEOUT_S)
    wait_until(lambda: not backlog.is_hurrying)
    stage.close()


def test_a_stage_does_not_hurry_for_many() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=BOOK + 10)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = book(stage, decoder)
    futures += [stage.start(prompt("x" * 400), make_turn(5, n)) for n in range(10)]
    wait_until(lambda: len(decoder.busy) == BOOK + 10)
    time.sleep(0.02)
    assert not backlog.is_hurrying
    for future in futures:
        future.cancel()
    stage.close()


def test_a_paused_stage_is_aborted_and_closed() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=3)
    backlog.update(9.0)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = crowd(stage, decoder)
    stage.abort()
    stage.close()
    for future in futures:
        assert isinstance(future.exception(0), EngineDied)
    assert decoder.is_closed


def test_an_utterance_cancelled_while_the_stage_pauses_no_longer_makes_it_wait() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=3)
    backlog.update(9.0)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = crowd(stage, decoder)
    for future in futures[3:]:
        assert future.cancel()
    done, _ = wait(futures[:3], TIMEOUT_S)
    assert len(done) == 3
    stage.close()
