"""What the engine's two stages have in common: their seam, and a thread that dies audibly."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

import structlog
import torch

from narration.errors import EngineDied
from worker.chatterbox.t3.decoder import Prompt, Spoken

log = structlog.get_logger()
T = TypeVar("T")


class TokenStage(Protocol):
    """Text to speech tokens, many utterances at once.

    A cancelled future leaves the batch at the next step. Futures fail with SpeechError (this
    prompt only) or EngineDied.
    """

    def start(self, prompt: Prompt) -> Future[Spoken]:
        """Queue one prompt."""

    def is_alive(self) -> bool:
        """Tell whether prompts are still answered."""

    def abort(self) -> None:
        """Fail what is under way, without waiting."""

    def close(self) -> None:
        """Finish what is under way, then free the model."""


class StageThread:
    """Runs a loop on a thread of its own; if the loop raises, `on_death` is told why, once.

    `cores` bounds the CPU cores its kernels use, since every thread has a kernel team of its own.
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
        # A daemon: a worker that was told to go must not be held by a hung GPU.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Tell whether the loop still runs."""
        return self._thread.is_alive() and not self._is_dead

    def join(self) -> None:
        """Wait for the loop's end, unless called from within it."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        if self._cores is not None:
            torch.set_num_threads(self._cores)
        try:
            self._loop()
        except Exception as error:
            self._is_dead = True
            log.exception("engine_stage_died", stage=self._thread.name)
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
