"""One process that stores takes, replaced when it is lost, and the tasks it has been given."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from worker.rendering.take_process import THREADS, Answer, Request, TakeProcess
from worker.rendering.take_sound import SpokenSound, StoredSound

log = structlog.get_logger(__name__)

AHEAD = 1  # tasks beyond those at work, so that a process need not wait for the next
MOST_STARTS = 3  # in a row that failed: then the lane is given up
LIMIT_S = 600.0  # for one take: far more than a store's own time limits add up to
LOOK_S = 2.0  # how often it is looked whether a process is stuck


@dataclass(slots=True, eq=False)
class Task:
    """A take to be stored; `block` holds its sound while a process has it."""

    sound: SpokenSound
    stored: Future[StoredSound] = field(default_factory=Future)
    losses: int = 0  # processes that were lost while they had it
    block: int = -1
    sent_at: float = 0.0


class Keeper(Protocol):
    """What a lane tells its pool; every call is made without the guard."""

    def hand_out(self) -> None:
        """Give tasks that wait to lanes with room."""

    def finish(self, task: Task, answer: Answer) -> None:
        """Take the answer to a task."""

    def redo(self, tasks: list[Task]) -> None:
        """Take back the tasks of a process that is lost."""


class Lane:
    """A process and a thread that receives what it answers. The guard is the pool's."""

    def __init__(
        self, keeper: Keeper, guard: threading.Lock, start: Callable[[], TakeProcess]
    ) -> None:
        self.is_given_up = False
        self._keeper = keeper
        self._guard = guard
        self._start = start
        self._process: TakeProcess | None = None
        self._is_ready = False
        self._is_stopped = False
        self._held: dict[int, Task] = {}
        self._is_alone = False  # with a task that took a process down
        self._count = 0
        self._thread = threading.Thread(target=self._run, name="takes", daemon=True)

    def start(self) -> None:
        """Start the process and the thread."""
        self._thread.start()

    @property
    def load(self) -> int:
        """How many tasks it has."""
        return len(self._held)

    @property
    def pid(self) -> int | None:
        """The process that is up."""
        return self._process.pid if self._process is not None and self._is_ready else None

    def has_room(self, task: Task) -> bool:
        """Tell whether it can take a task; one that took a process down is done alone."""
        if not self._is_ready or self._is_alone:
            return False
        return not self._held if task.losses else self.load < THREADS + AHEAD

    def send(self, task: Task, sizes: tuple[int, int]) -> None:
        """Give the process a task whose sound lies in its block; the guard is held."""
        assert self._process is not None
        self._count += 1
        self._held[self._count] = task
        self._is_alone = task.losses > 0
        task.sent_at = time.monotonic()
        request = Request(
            number=self._count,
            block=task.block,
            sizes=sizes,
            spoken_text=task.sound.spoken_text,
            is_truncated=task.sound.is_truncated,
        )
        with suppress(OSError):  # it is gone: the thread that receives finds that, and the task
            self._process.send(request)

    def stop(self) -> None:
        """End the process and the thread."""
        with self._guard:
            self._is_stopped = True
            if self._process is not None:
                self._process.end()
        self._thread.join()

    def _run(self) -> None:
        failed = 0
        while not self._is_stopped and failed < MOST_STARTS:
            failed = 0 if self._live() or self._is_stopped else failed + 1
        self.is_given_up = True
        if not self._is_stopped:
            log.warning("take_process_given_up", starts=failed)
        self._keeper.hand_out()

    def _live(self) -> bool:
        """Start a process and serve it to its end; False if it never was ready."""
        was_ready = False
        process = None
        try:
            process = self._start()
            with self._guard:
                self._process = process
            while not self._is_stopped:
                answer = process.receive(LOOK_S)
                was_ready = was_ready or answer is not None
                self._receive(answer)
        except (EOFError, OSError) as error:
            if not self._is_stopped:
                log.warning("take_process_lost", tasks=self.load, reason=repr(error))
        with self._guard:
            held, self._held = list(self._held.values()), {}
            self._process, self._is_ready, self._is_alone = None, False, False
        if process is not None:
            process.dispose()
        self._keeper.redo(held)
        return was_ready

    def _receive(self, answer: Answer | None) -> None:
        """Take an answer, or look whether the process is stuck. Raises: TimeoutError."""
        if answer is None:
            with self._guard:
                oldest = min((task.sent_at for task in self._held.values()), default=None)
            if oldest is not None and time.monotonic() - oldest > LIMIT_S:
                raise TimeoutError(f"a take was not stored within {LIMIT_S:g} s")
        elif answer.number is None:
            with self._guard:
                self._is_ready = True
            self._keeper.hand_out()
        else:
            with self._guard:
                task = self._held.pop(answer.number)
                self._is_alone = False
            self._keeper.finish(task, answer)
