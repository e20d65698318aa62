"""Items that wait at the same time are handed over together, and nothing waits for others."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from api.together import Together

WAIT_S = 10.0


class Calls:
    """Records calls, each of which lasts until `release` was called as often."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []
        self._released = threading.Semaphore(0)
        self._begun = threading.Semaphore(0)

    def __call__(self, items: Sequence[str]) -> list[str | Exception]:
        self.seen.append(list(items))
        self._begun.release()
        assert self._released.acquire(timeout=WAIT_S)
        return [KeyError(item) if item.startswith("bad") else item.upper() for item in items]

    def release(self, calls: int = 1) -> None:
        self._released.release(calls)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._begun.acquire, timeout=WAIT_S)


@pytest.fixture
def calls() -> Iterator[Calls]:
    calls = Calls()
    yield calls
    calls.release(100)


def together(call: Callable[[Sequence[str]], Any], **options: Any) -> Together[str, str]:
    values: dict[str, Any] = {"alone_with": lambda _: (), "calls": 1, "most": 8}
    return Together(call, **values | options)


def start(one: Together[str, str], *items: str) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(one.result(item)) for item in items]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), WAIT_S))


def test_the_first_waits_for_no_others_and_the_next_go_together(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls)
        first = start(one, "a")
        await calls.begun()
        later = start(one, "b", "c", "d")
        await asyncio.sleep(0)
        calls.release(2)
        assert await asyncio.gather(*first, *later) == ["A", "B", "C", "D"]
        assert calls.seen == [["a"], ["b", "c", "d"]]

    run(test)


def test_an_error_is_of_its_item_only(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls)
        calls.release()
        results = await asyncio.gather(*start(one, "a", "bad", "b"), return_exceptions=True)
        assert (results[0], type(results[1]), results[2]) == ("A", KeyError, "B")

    run(test)


def test_an_error_of_the_call_is_of_all_its_items_and_ends_no_later_call() -> None:
    seen: list[Sequence[str]] = []

    def call(items: Sequence[str]) -> list[str | Exception]:
        seen.append(items)
        if len(seen) == 1:
            raise OSError
        return list(items)

    async def test() -> None:
        one = together(call)
        results = await asyncio.gather(*start(one, "a", "b"), return_exceptions=True)
        assert [type(result) for result in results] == [OSError, OSError]
        assert await one.result("c") == "c"

    run(test)


def test_what_shares_something_is_not_in_one_call_and_keeps_its_order(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls, alone_with=lambda item: [item[0]])
        calls.release(3)
        await asyncio.gather(*start(one, "a1", "a2", "b1", "a3", "b2"))
        assert calls.seen == [["a1", "b1"], ["a2", "b2"], ["a3"]]

    run(test)


def test_calls_have_at_most_so_many_items(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls, most=2)
        calls.release(3)
        await asyncio.gather(*start(one, *"abcde"))
        assert [len(items) for items in calls.seen] == [2, 2, 1]

    run(test)


def test_a_slow_call_does_not_delay_the_next(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls, calls=2)
        slow = start(one, "slow")
        await calls.begun()
        quick = start(one, "quick")
        await calls.begun()
        assert calls.seen == [["slow"], ["quick"]]
        calls.release(2)
        await asyncio.gather(*slow, *quick)

    run(test)


def test_a_client_that_is_gone_costs_the_others_nothing(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls)
        under_way = start(one, "a", "b")
        await calls.begun()
        waiting = start(one, "c", "d")
        await asyncio.sleep(0)
        for gone in (under_way[0], waiting[0]):
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
        calls.release(2)
        assert await asyncio.gather(under_way[1], waiting[1]) == ["B", "D"]
        assert calls.seen == [["a", "b"], ["d"]]  # one that no call had is not submitted any more

    run(test)


def test_closing_waits_for_what_is_under_way_and_for_what_waits(calls: Calls) -> None:
    async def test() -> None:
        one = together(calls)
        items = start(one, "a")
        await calls.begun()
        items += start(one, "b")
        await asyncio.sleep(0)
        closing = asyncio.create_task(one.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
        calls.release(2)
        await closing
        assert [item.result() for item in items] == ["A", "B"]

    run(test)


def test_one_that_comes_as_both_calls_end_is_not_left_over(calls: Calls) -> None:
    """The calls end while the loop is busy, so that all of it happens in one of its iterations."""

    async def test() -> None:
        one = together(calls, calls=2)
        first = start(one, "a")
        await calls.begun()
        first += start(one, "b")
        await calls.begun()

        async def come_last() -> str:
            # Nothing tells that both are over.
            while not all(task is None or task.done() for task in one._callers):  # noqa: ASYNC110
                await asyncio.sleep(0)
            return await one.result("c")

        last = asyncio.create_task(come_last())
        await asyncio.sleep(0)
        calls.release(2)
        time.sleep(0.05)  # noqa: ASYNC251 - the loop is meant to be busy
        await calls.begun()
        calls.release()
        assert await last == "C"

    run(test)


def test_what_is_shared_with_a_call_under_way_waits_for_its_end(calls: Calls) -> None:
    ends = {name: threading.Event() for name in ("a1", "a2", "a3", "b")}

    def call(items: Sequence[str]) -> list[str | Exception]:
        calls.release()
        answers = calls(items)
        assert ends[items[0]].wait(WAIT_S)
        return answers

    async def test() -> None:
        one = together(call, calls=2, alone_with=lambda item: item[:1])
        first = start(one, "a1")
        await calls.begun()
        others = start(one, "a2", "b", "a3")
        await calls.begun()
        assert calls.seen == [["a1"], ["b"]]
        ends["a1"].set()
        await asyncio.wait(first)
        await calls.begun()
        ends["b"].set()
        await asyncio.wait([others[1]])
        assert calls.seen[2:] == [["a2"]]
        ends["a2"].set()
        await calls.begun()
        ends["a3"].set()
        assert [await other for other in others] == ["A2", "B", "A3"]
        assert calls.seen[3:] == [["a3"]]

    run(test)


def test_a_call_that_returns_too_few_results_fails_all_of_it() -> None:
    async def test() -> None:
        one = together(lambda items: items[1:])
        with pytest.raises(ValueError, match="shorter"):
            await one.result("a")
        assert not one._taken

    run(test)
