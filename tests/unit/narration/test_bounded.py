"""Calls in other processes end at their limits, and the next call still works."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from api.uploads import READERS
from narration.bounded import (
    BoundedCalls,
    TooLargeCallError,
    TooSlowError,
    _peak_bytes,
    _Places,
)
from narration.documents.language import _identifier
from narration.errors import BusyError, DocumentError
from narration.jobs.draft import rehearse_draft
from tests.cluster import wait_for


def add(left: int, right: int) -> int:
    return left + right


def hang() -> None:
    time.sleep(60)


def toil() -> None:
    while True:
        pass


def eat() -> int:
    return len(bytearray(1 << 34))


def die() -> None:
    os._exit(1)


def look_around() -> tuple[int, int, int]:
    """Return the id of the process, what it has loaded, and its niceness."""
    time.sleep(0.5)  # so that another call finds another process
    return os.getpid(), _identifier.cache_info().currsize, os.nice(0)


def refuse() -> None:
    raise DocumentError("no words")


@pytest.fixture
def calls() -> Iterator[BoundedCalls]:
    calls = BoundedCalls(
        processes=1, memory_bytes=1 << 32, wait_s=0.2, preload=[*READERS, __name__]
    )
    yield calls
    calls.close()


def test_result_comes_back(calls: BoundedCalls) -> None:
    assert calls.call(add, 1, 2, limit_s=30) == 3


def test_first_call_finds_the_process_that_was_prepared(calls: BoundedCalls) -> None:
    before = {process.pid for process in multiprocessing.active_children()}
    calls.prepare()
    ends_at = time.monotonic() + 120
    while not calls._idle and time.monotonic() < ends_at:
        time.sleep(0.01)
    [prepared] = {process.pid for process in multiprocessing.active_children()} - before
    assert calls.call(os.getpid, limit_s=30) == prepared


def test_process_that_is_prepared_too_late_is_stopped(calls: BoundedCalls) -> None:
    before = set(multiprocessing.active_children())
    calls.close()
    calls._start_ahead()
    assert set(multiprocessing.active_children()) <= before


def test_every_process_of_a_pool_is_prepared_and_has_loaded_what_short_texts_need() -> None:
    calls = BoundedCalls(
        processes=2,
        memory_bytes=1 << 32,
        wait_s=30,
        preload=[*READERS, __name__],
        rehearse=rehearse_draft,
        is_background=False,
    )
    before = {process.pid for process in multiprocessing.active_children()}
    with closing(calls), ThreadPoolExecutor(2) as pool:
        calls.prepare(is_all=True)
        ends_at = time.monotonic() + 120
        while len(calls._idle) < 2 and time.monotonic() < ends_at:
            time.sleep(0.01)
        prepared = {process.pid for process in multiprocessing.active_children()} - before
        states = list(pool.map(lambda _: calls.call(look_around, limit_s=30), range(2)))
    assert {pid for pid, _, _ in states} == prepared
    assert len(prepared) == 2
    assert [(loaded, niceness) for _, loaded, niceness in states] == [(1, os.nice(0))] * 2


def test_error_of_ours_comes_back(calls: BoundedCalls) -> None:
    with pytest.raises(DocumentError, match="no words"):
        calls.call(refuse, limit_s=30)


@pytest.mark.parametrize("function", [hang, toil])
def test_slow_call_is_stopped_and_the_next_is_answered(calls: BoundedCalls, function: Any) -> None:
    with pytest.raises(TooSlowError):
        calls.call(function, limit_s=1.0)
    assert calls.call(add, 1, 2, limit_s=30) == 3


@pytest.mark.parametrize("function", [eat, die])
def test_call_that_takes_its_process_down_is_told_from_others(
    calls: BoundedCalls, function: Any
) -> None:
    with pytest.raises(TooLargeCallError):
        calls.call(function, limit_s=30)
    assert calls.call(add, 1, 2, limit_s=30) == 3


def test_nobody_waits_long_for_a_process(calls: BoundedCalls) -> None:
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(calls.call, hang, limit_s=1.0)
        time.sleep(0.1)
        with pytest.raises(BusyError):
            calls.call(add, 1, 2, limit_s=30)
        with pytest.raises(TooSlowError):
            busy.result()


def order_of_entry(queues: str) -> str:
    """Return in which order callers get the only place: F goes first, O is another."""
    places, entered = _Places(1), []
    assert places.enter()

    def wait(queue: str) -> None:
        places.enter(goes_first=queue == "F")
        entered.append(queue)
        places.leave()

    with ThreadPoolExecutor(len(queues)) as pool:
        for queue in queues:
            pool.submit(wait, queue)
        wait_for(lambda: places._first + places._others == len(queues), 20, "all callers")
        places.leave()
    return "".join(entered)


def test_calls_that_go_first_are_answered_before_those_that_came_earlier() -> None:
    assert order_of_entry("OOFF") == "FFOO"


def test_calls_that_go_first_let_another_pass_now_and_then() -> None:
    assert order_of_entry("OO" + 9 * "F") == "FFFFOFFFFOF"


def test_others_are_answered_after_one_that_was_to_go_first_gave_up(calls: BoundedCalls) -> None:
    with ThreadPoolExecutor(2) as pool:
        busy = pool.submit(calls.call, hang, limit_s=1.0)
        time.sleep(0.1)
        other = pool.submit(calls.call, add, 1, 2, limit_s=30, wait_s=30)
        with pytest.raises(BusyError):
            calls.call(add, 1, 2, limit_s=30, goes_first=True)
        with pytest.raises(TooSlowError):
            busy.result()
        assert other.result(timeout=20) == 3


def test_call_after_one_that_made_its_process_too_large_is_answered_by_another() -> None:
    calls = BoundedCalls(
        processes=1, memory_bytes=1 << 32, wait_s=0.2, preload=[*READERS, __name__], kept_bytes=1
    )
    with closing(calls):
        pids = [calls.call(os.getpid, limit_s=30) for _ in range(10)]
    assert len(set(pids)) == 10


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_is_counted_in_the_units_of_the_system(
    monkeypatch: pytest.MonkeyPatch, platform: str, unit: int
) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    monkeypatch.setattr(sys, "platform", platform)
    assert peak * unit <= _peak_bytes() < (peak + 1_000_000) * unit
