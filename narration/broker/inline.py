"""The broker of a single process: tasks run on its own threads."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from narration.broker.interface import QUEUES, Handler, Listener, Queue, Task

log = structlog.get_logger(__name__)

CPU_THREADS = 2


@dataclass(frozen=True, slots=True)
class InlineSubscription:
    """A listener in this process."""

    close: Callable[[], None]


class InlineBroker:
    """Runs tasks on threads of this process: one small pool per queue."""

    def __init__(self) -> None:
        self._handlers: Mapping[Task, Handler] = {}
        self._pools: dict[Queue, ThreadPoolExecutor] = {}
        self._encoders: ThreadPoolExecutor | None = None
        self._is_closed = False
        self._listeners: list[Listener] = []

    def bind(
        self, handlers: Mapping[Task, Handler], *, gpu_threads: int = 1, encoders: int = 1
    ) -> None:
        """Set the handlers of the tasks, once. Messages sent earlier are lost."""
        self._pools = {
            Queue.CPU: ThreadPoolExecutor(CPU_THREADS, thread_name_prefix="cpu"),
            Queue.GPU: ThreadPoolExecutor(gpu_threads, thread_name_prefix="gpu"),
        }
        # A separate pool, so that planning a job does not wait for encoding others.
        self._encoders = ThreadPoolExecutor(encoders, thread_name_prefix="encode")
        self._handlers = handlers

    def send(self, task: Task, *ids: str) -> None:
        """Submit the task to its pool; while closing, the message is dropped."""
        handler = self._handlers.get(task)
        if handler is None or self._is_closed:
            return
        pool = self._encoders if task is Task.ENCODE else self._pools[QUEUES[task]]
        assert pool is not None
        future = pool.submit(handler, *ids)
        future.add_done_callback(_log_failure)

    def check(self) -> None:
        """Do nothing: the broker is this process."""

    def publish(self, notices: Collection[str]) -> None:
        """Call the listeners, on the thread that made the change."""
        for listener in tuple(self._listeners):
            for notice in notices:
                listener(notice)

    def subscribe(self, listener: Listener) -> "InlineSubscription":
        """Call `listener` with every notice from now on."""
        self._listeners.append(listener)
        return InlineSubscription(lambda: self._listeners.remove(listener))

    def call(self) -> bool:
        """Ask nobody: messages are heard at once."""
        return False

    def answer_calls(self, listener: Listener) -> None:
        """Return nothing, for the same reason."""
        del listener

    def hear_first_sounds(self, listener: Listener) -> None:
        """Return nothing: a sound in this process's own store is found as soon."""
        del listener

    def close(self) -> None:
        """Drop the tasks that have not started, and wait for the others."""
        self._is_closed = True
        for pool in filter(None, (*self._pools.values(), self._encoders)):
            pool.shutdown(wait=True, cancel_futures=True)


def _log_failure(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("task_failed", exc_info=error)
