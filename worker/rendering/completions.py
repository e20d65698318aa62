"""Handles the results of futures on one thread, in the order in which they are done."""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

POLL_S = 0.5  # how often a wait checks for a lost lease or a drain


class Completions:
    """The futures that a thread follows; other threads complete them.

    A future keeps its callbacks. If these kept the future in turn, every sound would stay in memory
    until the garbage collector looks for cycles, which it rarely does.
    """

    def __init__(self) -> None:
        # Not SimpleQueue: in CPython 3.11 its `get` may wait for ever if it wakes after its
        # timeout.
        self._done: queue.Queue[Callable[[], None]] = queue.Queue()
        self._has_ended = False

    def follow(
        self, future: Future[Any], under_way: set[Any], then: Callable[[Future[Any]], None]
    ) -> None:
        """Keep a future in `under_way` until it is done and handled; `then` gets it."""
        under_way.add(future)

        def handle(done: Future[Any]) -> None:
            under_way.discard(done)
            then(done)

        def complete(done: Future[Any]) -> None:
            if not self._has_ended:
                self._done.put(partial(handle, done))

        future.add_done_callback(complete)

    def handle(self, *, may_wait: bool) -> None:
        """Handle what is done, waiting for it if there is nothing else to do."""
        try:
            handle = self._done.get(may_wait, POLL_S)
            while True:
                handle()
                handle = self._done.get_nowait()
        except queue.Empty:
            pass

    def end(self, *under_way: set[Any]) -> None:
        """Let go of all that is under way or done; nothing of it is handled any more."""
        self._has_ended = True
        for futures in under_way:
            futures.clear()
        with suppress(queue.Empty):
            while True:
                self._done.get_nowait()
