import threading

from tests.model.worker.engine.fakes import wait_until
from worker.engine.admission import FIRST, GROWTH, Admission
from worker.engine.types import Turn, make_turn

TIMEOUT_S = 5.0


TURN: Turn = (-5, 3)


def _enter(admission: Admission, count: int, turn: Turn = TURN) -> list[threading.Thread]:
    threads = [
        threading.Thread(target=admission.enter, args=(lambda: True, turn), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads


def _settle(admission: Admission, inside: int, waiting: int) -> None:
    wait_until(lambda: (sum(admission.inside.values()), admission.waiting) == (inside, waiting))


def test_idle_engine_is_not_filled_at_once() -> None:
    admission = Admission(limit=512)
    _enter(admission, FIRST + 40)
    _settle(admission, FIRST, 40)
    admission.leave(TURN)
    _settle(admission, FIRST - 1 + GROWTH, 40 - GROWTH)
    admission.leave(TURN)
    _settle(admission, FIRST - 2 + 2 * GROWTH, 40 - 2 * GROWTH)


def test_busy_engine_is_filled_to_its_limit() -> None:
    admission = Admission(limit=24)
    _enter(admission, 60)
    for ended in range(1, 20):
        admission.leave(TURN)
        inside = min(24, FIRST - ended + GROWTH * ended)
        _settle(admission, inside, 60 - inside - ended)


def test_engine_that_was_idle_begins_with_few_again() -> None:
    admission = Admission(limit=512)
    _enter(admission, FIRST)
    _settle(admission, FIRST, 0)
    for _ in range(FIRST):
        admission.leave(TURN)
    _enter(admission, FIRST + 1)
    _settle(admission, FIRST, 1)


def test_the_first_sound_that_somebody_waits_for_enters_until_the_engine_is_full() -> None:
    admission = Admission(limit=FIRST + 2)
    _enter(admission, FIRST + 5)
    _settle(admission, FIRST, 5)
    _enter(admission, 1, make_turn(10, 1))
    _settle(admission, FIRST, 6)
    _enter(admission, 3, make_turn(10, 0))
    _settle(admission, FIRST + 2, 7)
