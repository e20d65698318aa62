"""While the sound stage has the card, T3 waits."""

import threading

from worker.speech.turns import Turns


def test_a_card_that_nobody_has_is_free() -> None:
    assert Turns().wait(timeout_s=0)


def test_a_card_taken_twice_is_given_back_twice() -> None:
    turns = Turns()
    turns.take()
    turns.take()
    turns.give_back()
    assert not turns.wait(timeout_s=0)
    turns.give_back()
    assert turns.wait(timeout_s=0)


def test_who_waits_goes_on_once_the_card_is_given_back() -> None:
    turns = Turns()
    turns.take()
    went_on = threading.Event()
    waiting = threading.Thread(target=lambda: turns.wait(20) and went_on.set())
    waiting.start()
    assert not went_on.wait(0.05)
    turns.give_back()
    assert went_on.wait(20)
    waiting.join()
