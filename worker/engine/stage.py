"""Shared by both stages: a thread that reports its death, and race-free answers."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog
import torch

from narration.errors import EngineDied

log = structlog.get_logger()
T = TypeVar("T")


class StageThread:
    """Runs a loop on a thread of its own; if it raises, calls `on_death` once with the reason.

    `cores` limits the CPU cores that the thread's kernels use: PyTorch gives every thread a kernel
    thread pool of its own.
    """

    def __init__(
        self,
        name: str,
        loop: Callable[[], None],
        on_death: Callable[[EngineDied], None],
        cores: int | None = None,
    ) -> None:
        self._loop = loop
        self._cores = cores
        self._on_death = on_death
        self._is_dead = False
        # A daemon thread, so that a hung GPU cannot keep a worker from exiting.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive() and not self._is_dead

    def join(self) -> None:
        """Wait for the loop to end; returns at once when called from within it."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        if self._cores is not None:
            torch.set_num_threads(self._cores)
        try:
            self._loop()
        except Exception as error:
            # Before anybody can notice the death and end the process.
            log.exception("engine_stage_died", stage=self._thread.name)
            self._is_dead = True
            died = EngineDied(f"{self._thread.name} died of {error!r}: this worker must go")
            died.__cause__ = error
            self._on_death(died)


def succeed(future: Future[T], result: T) -> None:
    """Set a result unless the future was cancelled."""
    if future.set_running_or_notify_cancel():
        future.set_result(result)


def fail(future: Future[T], error: BaseException) -> None:
    """Set an error unless the future was cancelled."""
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
