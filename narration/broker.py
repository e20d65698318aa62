"""Task messages: their names and queues, and the broker that is this very process.

A message is a wake-up. It carries ids at most and may be lost, late or doubled: the database says
what there is to do.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from typing import Protocol, TypeAlias

import structlog

log = structlog.get_logger(__name__)

CPU_THREADS = 2


class Queue(StrEnum):
    """Which kind of worker a task needs."""

    CPU = "cpu"
    GPU = "gpu"


class Task(StrEnum):
    """What a message asks for."""

    PLAN = "narration.plan"
    RENDER = "narration.render"
    ASSEMBLE = "narration.assemble"
    PREPARE_VOICE = "narration.prepare_voice"


QUEUES: dict[Task, Queue] = {
    Task.PLAN: Queue.CPU,
    Task.RENDER: Queue.GPU,
    Task.ASSEMBLE: Queue.CPU,
    Task.PREPARE_VOICE: Queue.GPU,
}

Handler: TypeAlias = Callable[..., None]


class Broker(Protocol):
    """Something that carries messages. Raises: BrokerUnavailable, from every method."""

    def send(self, task: Task, *ids: str) -> None:
        """Ask for a task; call it after the commit that made the work visible."""

    def check(self) -> None:
        """Ask the broker for a sign of life."""


class InlineBroker:
    """Runs tasks on threads of this process: one small pool per queue."""

    def __init__(self) -> None:
        self._handlers: Mapping[Task, Handler] = {}
        self._pools: dict[Queue, ThreadPoolExecutor] = {}
        self._is_closed = False

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
        done = self._pools[QUEUES[task]].submit(handler, *ids)
        done.add_done_callback(_log_failure)

    def check(self) -> None:
        """Do nothing: this process is there."""

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        self._is_closed = True
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


def _log_failure(done: Future[None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("task_failed", exc_info=error)
