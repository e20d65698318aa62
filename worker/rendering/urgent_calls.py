"""Calls to speak at once: urgent segments begin without the way through the task queue.

A call says only that somebody waits. Every worker that hears it looks for the segment and one of
them gets it. A worker that is not free passes the call on to the task queue.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from narration.broker.interface import MISSED, Broker, Task
from narration.broker.wakeups import wake
from narration.telemetry import log_step

log = structlog.get_logger(__name__)


class UrgentCalls:
    """Answers calls on threads of its own, until it is closed."""

    def __init__(
        self,
        broker: Broker,
        speak_next: Callable[[], bool | None],
        is_draining: Callable[[], bool],
        *,
        threads: int,
    ) -> None:
        """`speak_next` speaks an urgent segment; False: there is none, None: it failed.

        `is_draining`: whether the worker claims no more segments.
        """
        self._broker = broker
        self._speak_next = speak_next
        self._is_draining = is_draining
        self._free = threading.BoundedSemaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="urgent")
        self._subscription = broker.answer_calls(self._hear)

    def close(self) -> None:
        """Hear no more, and wait for what is being spoken."""
        if self._subscription is not None:
            self._subscription.close()
        self._pool.shutdown()

    def _hear(self, call: str) -> None:
        log_step("called")
        if not self._is_draining() and self._free.acquire(blocking=False):
            self._pool.submit(self._answer)
        elif call != MISSED:
            wake(self._broker, Task.RENDER)

    def _answer(self) -> None:
        is_spoken: bool | None = None
        try:
            while is_spoken := self._speak_next():
                pass
        except Exception:
            log.exception("call_failed")
        finally:
            self._free.release()
            if is_spoken is not False or self._is_draining():  # somebody may still wait
                wake(self._broker, Task.RENDER)
