"""Hands what waits at the same time to one call on a thread.

Nothing waits for others to come: the first is handed over at once, and those that come while calls
are under way form the next one. So a busy server makes fewer and larger calls, and an idle one
answers as soon as it would without them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio
from anyio.to_thread import run_sync

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    result: "asyncio.Future[Result]"


class Together(Generic[Item, Result]):
    """Makes calls with many items each; used from one event loop."""

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        alone_with: Callable[[Item], Iterable[Hashable]],
        calls: int,
        most: int,
    ) -> None:
        """`call` returns a result for each item, or its error. It runs `calls` times at once.

        A call gets at most `most` items. No two that are in calls at the same time share a value of
        `alone_with`: the later one waits for the end of the first one's call.
        """
        self._call = call
        self._alone_with = alone_with
        self._calls = calls
        self._most = most
        self._limiter = anyio.CapacityLimiter(calls)
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._taken: set[Hashable] = set()  # values of `alone_with` of what is in calls
        self._callers: set[asyncio.Task[None] | None] = set()

    async def result(self, item: Item) -> Result:
        """Return the result of an item.

        Who stops waiting takes an item out only as long as no call has it. Raises: its error.
        """
        waiting: _Waiting[Item, Result] = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._callers) < self._calls:
            # Of no request: what is logged there belongs to many of them.
            caller = asyncio.create_task(self._make_calls(), context=Context())
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        return await waiting.result

    async def close(self) -> None:
        """Wait until all items have their results."""
        callers = [caller for caller in self._callers if caller is not None]
        await asyncio.gather(*callers, return_exceptions=True)

    async def _make_calls(self) -> None:
        while batch := self._next():
            outcomes: list[tuple[_Waiting[Item, Result], Result | Exception]]
            try:
                results = await run_sync(
                    self._call, [one.item for one in batch], limiter=self._limiter
                )
                outcomes = list(zip(batch, results, strict=True))
            except Exception as error:  # noqa: BLE001 - whoever waits raises it
                outcomes = [(one, error) for one in batch]
            for one, result in outcomes:
                self._taken -= set(self._alone_with(one.item))
                if one.result.done():  # its client is gone
                    continue
                if isinstance(result, Exception):
                    one.result.set_exception(result)
                else:
                    one.result.set_result(result)
        # Not only by the task's callback, which runs later: an item that comes in between would
        # find as many callers as there may be, and wait for none of them.
        self._callers.discard(asyncio.current_task())

    def _next(self) -> list[_Waiting[Item, Result]]:
        batch: list[_Waiting[Item, Result]] = []
        later: list[_Waiting[Item, Result]] = []
        passed_over: set[Hashable] = set()  # of those before it, which go first
        while self._waiting and len(batch) < self._most:
            one = self._waiting.popleft()
            if one.result.done():
                continue
            shared = set(self._alone_with(one.item))
            if shared.isdisjoint(self._taken | passed_over):
                batch.append(one)
                self._taken |= shared
            else:
                later.append(one)
                passed_over |= shared
        self._waiting.extendleft(reversed(later))
        return batch
