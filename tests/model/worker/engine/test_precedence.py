"""Which slots T3 steps alone, and for how long the others stand still."""

from worker.engine.precedence import Precedence
from worker.engine.types import make_turn


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock, *, articles: int = 0, streams: int = 0) -> Precedence:
    precedence = Precedence(clock)
    for slot in range(articles):
        precedence.add(slot, make_turn(5, slot))
    for slot in range(100, 100 + streams):
        precedence.add(slot, make_turn(10, 0))
    return precedence


def test_few_that_are_heard_soon_are_stepped_alone_beside_many() -> None:
    clock = Clock()
    assert make(clock, articles=3).choose(512) == {0, 1, 2}
    assert make(clock, articles=3).choose(23) == set()  # more than one in eight
    assert make(clock, articles=1).choose(16) == set()  # a step of all is as fast
    assert make(clock).choose(512) == set()


def test_the_first_sounds_of_streams_go_before_what_is_heard_soon() -> None:
    precedence = make(Clock(), articles=3, streams=1)
    assert precedence.is_silent
    assert precedence.choose(512) == {100}
    precedence.discard(100)
    assert not precedence.is_silent
    assert precedence.choose(512) == {0, 1, 2}


def test_later_chunks_of_streams_have_a_limit_and_do_not_stand_still_at_it() -> None:
    precedence = make(Clock())
    for slot in range(64):
        assert precedence.has_room_for_streams
        precedence.add(slot, make_turn(10, 1, due_s=float(slot)))
    precedence.add(64, make_turn(10, 0))
    assert not precedence.has_room_for_streams
    assert precedence.choose(65) == set()
    precedence.discard(7)
    assert precedence.has_room_for_streams
    assert precedence.choose(64) == {64}


def test_first_sounds_are_not_alone_if_they_are_most_of_all() -> None:
    assert len(make(Clock(), streams=20).choose(40)) == 20
    assert not make(Clock(), streams=21).choose(40)


def test_listeners_that_come_one_after_another_do_not_hold_up_others_for_ever() -> None:
    clock = Clock()
    precedence = make(clock, streams=1)
    silent_s = 0.0
    for _ in range(100_000):
        precedence.choose(10)  # so few that all are stepped
        silent_s += 0.002 * precedence.is_silent
        clock.now += 0.002
    assert 0.45 < silent_s / clock.now < 0.55


def test_the_others_get_at_least_half_of_the_time() -> None:
    clock = Clock()
    precedence = make(clock, articles=3)
    alone_s, changes, was_alone = 0.0, 0, True
    for _ in range(100_000):
        is_alone = bool(precedence.choose(512))
        step_s = 0.002 if is_alone else 0.015
        alone_s += step_s * is_alone
        changes += is_alone is not was_alone
        was_alone = is_alone
        clock.now += step_s
    assert 0.45 < alone_s / clock.now < 0.55
    assert changes / clock.now < 5


def test_those_that_come_after_a_pause_are_decoded_without_interruption() -> None:
    clock = Clock()
    precedence = make(clock, articles=3)
    for _ in range(2_500):  # five seconds
        assert precedence.choose(512)
        clock.now += 0.002
    for slot in range(3):
        precedence.discard(slot)
    assert not precedence.choose(512)
    clock.now += 60
    precedence.add(7, make_turn(5, 7))
    for _ in range(2_500):
        assert precedence.choose(512) == {7}
        clock.now += 0.002
