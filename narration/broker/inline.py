"""The broker of one process: tasks run on its own threads."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from narration.broker.interface import QUEUES, Handler, Listener, Queue, Task

log = structlog.get_logger(__name__)

CPU_THREADS = 2


@dataclass(frozen=True, slots=True)
class InlineSubscription:
    """A listener of this process."""

    close: Callable[[], None]


class InlineBroker:
    """Runs tasks on threads of this process: one small pool per queue."""

    def __init__(self) -> None:
        self._handlers: Mapping[Task, Handler] = {}
        self._pools: dict[Queue, ThreadPoolExecutor] = {}
        self._is_closed = False
        self._listeners: list[Listener] = []

    def bind(self, handlers: Mapping[Task, Handler], *, gpu_threads: int = 1) -> None:
        """Say what runs the tasks, once. Messages sent before are lost, as messages may be."""
        self._pools = {
            Queue.CPU: ThreadPoolExecutor(CPU_THREADS, thread_name_prefix="cpu"),
            Queue.GPU: ThreadPoolExecutor(gpu_threads, thread_name_prefix="gpu"),
        }
        self._handlers = handlers

    def send(self, task: Task, *ids: str) -> None:
        """Hand the task to its pool; while closing, the message is lost."""
        handler = self._handlers.get(task)
        if handler is None or self._is_closed:
            return
        future = self._pools[QUEUES[task]].submit(handler, *ids)
        future.add_done_callback(_log_failure)

    def check(self) -> None:
        """Do nothing: this process is there."""

    def publish(self, notices: Collection[str]) -> None:
        """Call the listeners, on the thread of whoever made the change."""
        for listener in tuple(self._listeners):
            for notice in notices:
                listener(notice)

    def subscribe(self, listener: Listener) -> "InlineSubscription":
        """Call `listener` with every notice from now on."""
        self._listeners.append(listener)
        return InlineSubscription(lambda: self._listeners.remove(listener))

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        self._is_closed = True
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


def _log_failure(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("task_failed", exc_info=error)
