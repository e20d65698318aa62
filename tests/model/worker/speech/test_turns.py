"""When T3 waits for the sound stage: while that has the card, and while it is behind."""

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


def test_a_crowded_t3_pauses_while_the_sound_stage_is_behind() -> None:
    turns = Turns(takes_turns=False)
    turns.note_waiting(1.9)
    assert turns.wait(timeout_s=0, is_crowded=True)
    turns.note_waiting(2.0)
    assert not turns.wait(timeout_s=0, is_crowded=True)
    turns.note_waiting(0.5)
    assert turns.wait(timeout_s=0, is_crowded=True)


def test_the_last_utterances_do_not_wait_for_the_sound_stage() -> None:
    turns = Turns(takes_turns=False)
    turns.note_waiting(9.0)
    assert turns.wait(timeout_s=0, is_crowded=False)


def test_without_turns_a_batch_under_way_holds_nobody_up() -> None:
    turns = Turns(takes_turns=False)
    turns.take()
    assert turns.wait(timeout_s=0)
