"""The token stage with streams: what joins, what waits, and what goes first."""

import time

from tests.model.worker.engine.fakes import TIMEOUT_S, CountingDecoder, wait_until
from tests.model.worker.engine.test_slot_stage import prompt
from worker.chatterbox.t3.prompt import Prompt
from worker.engine.sharing import Backlog
from worker.engine.slot_stage import SlotStage
from worker.engine.types import make_turn


def test_a_crowded_stage_does_not_pause_while_a_listener_hears_nothing_yet() -> None:
    """Nor do the later chunks of other streams, however many they are, keep it waiting."""
    backlog, decoder = Backlog(), CountingDecoder(slots=4)
    backlog.update(99.0)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = [stage.start(prompt("x" * 400), make_turn(10, n)) for n in range(1, 4)]
    wait_until(lambda: len(decoder.busy) == 3)
    futures.append(stage.start(prompt("x" * 40), make_turn(10, 0)))
    first = futures[-1]
    wait_until(lambda: len(decoder.busy) == 4)
    futures += [stage.start(prompt("x" * 400), make_turn(10, n)) for n in (5, 6)]  # crowded
    first.result(TIMEOUT_S)
    wait_until(lambda: len(decoder.busy) == 4)
    steps = decoder.steps
    time.sleep(0.2)
    assert decoder.steps <= steps + 2  # which were under way
    for future in futures:
        future.cancel()
    backlog.update(0.0)
    stage.close()


def test_an_article_passes_the_later_chunks_of_streams_that_wait_but_a_book_does_not() -> None:
    backlog, decoder = Backlog(), CountingDecoder(slots=100)
    stage = SlotStage(lambda: decoder, backlog=backlog)
    futures = [stage.start(prompt("x" * 4000), make_turn(10, 1, due_s=float(n))) for n in range(66)]
    wait_until(lambda: len(decoder.busy) == 64)
    futures.append(stage.start(prompt("x" * 4000), make_turn(5, 900)))
    article = stage.start(prompt("x" * 20), make_turn(5, 7))
    assert len(article.result(TIMEOUT_S).tokens) == 20
    assert len(decoder.busy) == 64
    backlog.update(5.0)  # T3 does not pause: what waits does not wait for a slot
    steps = decoder.steps
    wait_until(lambda: decoder.steps > steps + 10)
    backlog.update(0.0)
    for future in futures[:2]:
        future.cancel()
    wait_until(lambda: len(decoder.busy) == 65)  # both streams' chunks, and now the book's
    for future in futures:
        future.cancel()
    stage.close()


class _JoinCounter(CountingDecoder):
    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self.joined_at: set[int] = set()  # numbers of steps

    def join(self, prompt: Prompt) -> int:
        self.joined_at.add(self.steps)
        return super().join(prompt)


def test_later_chunks_of_streams_join_together() -> None:
    decoder = _JoinCounter(slots=60)
    stage = SlotStage(lambda: decoder)
    futures = []
    for n in range(50):
        futures.append(stage.start(prompt("x" * 4000), make_turn(10, 1, due_s=float(n))))
        time.sleep(0.005)
    wait_until(lambda: len(decoder.busy) == 50)
    assert len(decoder.joined_at) <= 25  # one by one, 50
    for future in futures:
        future.cancel()
    stage.close()
