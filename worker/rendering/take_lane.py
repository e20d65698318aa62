"""One process that stores takes, replaced when it is lost, and the tasks it has been given."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from narration.backoff import backoff_s
from worker.rendering.take_process import THREADS, Answer, Request, TakeProcess
from worker.rendering.take_sound import SpokenSound, StoredSound

log = structlog.get_logger(__name__)

AHEAD = 1  # tasks beyond those at work, so that a process need not wait for the next
MOST_STARTS = 3  # in a row that failed: then the lane is given up
LIMIT_S = 600.0  # for one take: far more than a store's own time limits add up to
LOOK_S = 2.0  # how often it is looked whether a process is stuck
LASTING_S = 30.0  # a process that lived longer did not die of how it was started
FIRST_PAUSE_S = 0.1  # before a process is started in place of one that died sooner
LONGEST_PAUSE_S = 5.0


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
        self,
        keeper: Keeper,
        guard: threading.Lock,
        start: Callable[[], TakeProcess],
        *,
        limit_s: float = LIMIT_S,
    ) -> None:
        self.is_given_up = False
        self._keeper = keeper
        self._guard = guard
        self._start = start
        self._limit_s = limit_s
        self._look_s = min(LOOK_S, limit_s / 2)
        self._process: TakeProcess | None = None
        self._is_ready = False
        self._stopped = threading.Event()
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
        """Give the process a task whose sound lies in its block; the guard is held.

        If it fails the lane does not have the task.
        """
        assert self._process is not None
        self._count += 1
        request = Request(
            number=self._count,
            block=task.block,
            sizes=sizes,
            spoken_text=task.sound.spoken_text,
            is_truncated=task.sound.is_truncated,
        )
        task.sent_at = time.monotonic()
        with suppress(OSError):  # it is gone: the thread that receives finds that, and the task
            self._process.send(request)
        self._held[self._count] = task
        self._is_alone = task.losses > 0

    def stop(self) -> None:
        """End the process and the thread."""
        with self._guard:
            self._stopped.set()
            if self._process is not None:
                self._process.end()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._keep_up()
        except Exception:
            log.exception("take_lane_failed")
        finally:
            # Whatever ended the thread: tasks that wait must not wait for this lane.
            self.is_given_up = True
            self._keeper.hand_out()

    def _keep_up(self) -> None:
        """Start processes, each when the last is lost, until none gets ready any more."""
        failed = died_soon = 0
        while not self._stopped.is_set():
            started_at = time.monotonic()
            failed = 0 if self._live() else failed + 1
            if self._stopped.is_set():
                return
            if failed >= MOST_STARTS:
                log.warning("take_process_given_up", starts=failed)
                return
            died_soon = 0 if time.monotonic() - started_at > LASTING_S else died_soon + 1
            if died_soon:
                self._stopped.wait(
                    backoff_s(died_soon, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
                )

    def _live(self) -> bool:
        """Start a process and serve it to its end; False if it never was ready."""
        process = None
        try:
            process = self._start()
            with self._guard:
                self._process = process
            self._serve(process)
        except (EOFError, OSError) as error:
            if not self._stopped.is_set():
                log.warning("take_process_lost", tasks=self.load, reason=repr(error))
        except Exception:
            log.exception("take_process_lost", tasks=self.load)
        return self._let_go(process)

    def _serve(self, process: TakeProcess) -> None:
        looked_at = time.monotonic()
        while not self._stopped.is_set():
            answer = process.receive(self._look_s)
            if answer is not None:
                self._receive(answer)
            # Other answers may come all the time while one take is stuck.
            if time.monotonic() - looked_at >= self._look_s:
                looked_at = time.monotonic()
                self._check_oldest(looked_at)

    def _let_go(self, process: TakeProcess | None) -> bool:
        """Free a process that is lost, and hand its tasks on; False if it never was ready."""
        with self._guard:
            was_ready = self._is_ready
            held, self._held = list(self._held.values()), {}
            self._process, self._is_ready, self._is_alone = None, False, False
        try:
            if process is not None:
                process.dispose()
        finally:
            self._keeper.redo(held)
        return was_ready

    def _receive(self, answer: Answer) -> None:
        if answer.number is None:
            with self._guard:
                self._is_ready = True
            self._keeper.hand_out()
        else:
            with self._guard:
                task = self._held.pop(answer.number)
                self._is_alone = False
            self._keeper.finish(task, answer)

    def _check_oldest(self, now: float) -> None:
        """Look whether the process is stuck. Raises: TimeoutError."""
        with self._guard:
            oldest = min((task.sent_at for task in self._held.values()), default=now)
        if now - oldest > self._limit_s:
            raise TimeoutError(f"a take was not stored within {self._limit_s:g} s")
