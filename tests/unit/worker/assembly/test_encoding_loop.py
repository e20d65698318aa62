"""Encoders work for as long as there are parts, and no wake-up is lost."""

import threading

import pytest

from narration.errors import LeaseLost
from worker.assembly.encoding_loop import EncodingLoop

WAIT_S = 5.0


def test_it_goes_on_until_nothing_is_left() -> None:
    left = [True, True, True, False]
    EncodingLoop(1).run(lambda: left.pop(0))
    assert left == []


def test_a_wake_up_during_the_last_look_is_not_lost() -> None:
    loop = EncodingLoop(1)
    answers = [True, False]
    calls = []

    def encode_next() -> bool:
        calls.append(len(calls))
        if len(calls) == 2:  # a part becomes ready just after this look for one
            thread = threading.Thread(target=loop.run, args=(encode_next,))
            thread.start()
            thread.join(WAIT_S)
            assert not thread.is_alive(), "no place is free, so it returns at once"
            answers.extend([True, False])
        return answers.pop(0)

    loop.run(encode_next)
    assert calls == [0, 1, 2, 3]
    assert answers == []


def test_no_more_parts_are_encoded_at_once_than_there_are_places() -> None:
    loop = EncodingLoop(2)
    may_end = threading.Event()
    inside = threading.Semaphore(0)

    def encode_next() -> bool:
        inside.release()
        may_end.wait(WAIT_S)
        return False

    threads = [threading.Thread(target=loop.run, args=(encode_next,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=WAIT_S)
    loop.run(lambda: pytest.fail("both places are taken"))
    may_end.set()
    for thread in threads:
        thread.join(WAIT_S)


def test_an_error_frees_the_place() -> None:
    loop = EncodingLoop(1)

    def fail() -> bool:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        loop.run(fail)
    answers = [True, False]
    loop.run(lambda: answers.pop(0))
    assert answers == []


def test_a_draining_worker_begins_no_part() -> None:
    loop = EncodingLoop(1)

    def encode_next() -> bool:
        loop.drain()
        return True

    loop.run(encode_next)
    loop.run(lambda: pytest.fail("it is draining"))
