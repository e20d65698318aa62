"""The order in which admission, the token stage and the sound stage serve utterances."""

import threading
from concurrent.futures import wait
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.model.worker.engine.fakes import (
    TIMEOUT_S,
    CountingDecoder,
    prepare,
    utterance,
    wait_until,
)
from worker.engine.admission import Admission
from worker.engine.slot_stage import SlotStage
from worker.engine.turns import TurnQueue
from worker.engine.types import Heard, Turn, heard, make_turn

TURNS = st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 3)))


@given(TURNS)
def test_a_queue_gives_the_lowest_turn_and_equal_ones_in_order(turns: list[Turn]) -> None:
    queue: TurnQueue[int] = TurnQueue()
    for number, turn in enumerate(turns):
        queue.push(turn, number)
    expected = sorted(range(len(turns)), key=lambda number: turns[number])
    given_out = []
    while queue:
        given_out.append(queue.first)
        queue.remove(queue.first)
    assert given_out == expected


def test_priority_goes_before_reading_order() -> None:
    book, article = make_turn(0, 3), make_turn(5, 900)
    assert sorted([make_turn(0, 4), book, article]) == [article, book, make_turn(0, 4)]


def test_streams_are_spoken_in_the_order_in_which_they_are_heard() -> None:
    """Not by progress: an old stream's fifth chunk is heard before a new one's second."""
    old = [make_turn(10, n, due_s=100.0 + 4 * n) for n in range(6)]
    new = [make_turn(10, n, due_s=118.0 + 4 * n) for n in range(3)]
    article = make_turn(9, 0, due_s=0.0)
    assert sorted([article, *old[4:], *new]) == [new[0], *old[4:], *new[1:], article]
    assert [heard(turn) for turn in (*new, article)] == [
        Heard.FIRST, Heard.STREAMED, Heard.STREAMED, Heard.SOON
    ]  # fmt: skip


def test_those_who_wait_at_the_door_enter_by_turn() -> None:
    admission = Admission(limit=1)
    admission.enter(lambda: True)
    entered: list[Turn] = []
    turns = [(2,), (0,), (1,), (0,)]

    def enter(turn: Turn) -> None:
        admission.enter(lambda: True, turn)
        entered.append(turn)
        admission.leave(turn)

    threads = [threading.Thread(target=enter, args=(turn,)) for turn in turns]
    for number, thread in enumerate(threads, start=1):
        thread.start()
        wait_until(lambda number=number: admission.waiting == number)
    admission.leave(())
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert entered == sorted(turns)


def test_a_free_slot_goes_to_the_lowest_turn() -> None:
    decoder = CountingDecoder(slots=1)
    decoder.gate.clear()
    stage = SlotStage(lambda: decoder)
    ended: list[str] = []
    first = stage.start(prepare(utterance("first")))
    wait_until(lambda: bool(decoder.busy))
    texts = {"book, later": make_turn(0, 9), "book": make_turn(0, 3), "article": make_turn(5, 0)}
    futures = [first]
    for text, turn in texts.items():
        future = stage.start(prepare(utterance(text)), turn)
        future.add_done_callback(lambda _, text=text: ended.append(text))
        futures.append(future)
    decoder.gate.set()
    wait(futures, TIMEOUT_S)
    stage.close()
    assert ended == ["article", "book", "book, later"]


def test_an_utterance_sounds_the_same_whatever_its_turn() -> None:
    decoder = CountingDecoder()
    stage = SlotStage(lambda: decoder)
    plain = utterance("abc", seed=4)
    order = [
        stage.start(prepare(one), one.turn).result(TIMEOUT_S).tokens.tolist()
        for one in (plain, replace(plain, turn=make_turn(7, 7)))
    ]
    stage.close()
    assert order[0] == order[1]
