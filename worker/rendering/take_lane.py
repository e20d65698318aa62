"""One process that stores takes, replaced when it dies, and the tasks it was given."""

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

AHEAD = 1  # queued tasks beyond the running ones, so that a process never waits for the next
MOST_STARTS = 3  # failed starts in a row; then the lane gives up
LIMIT_S = 600.0  # per take: far more than the store's own timeouts add up to
CHECK_S = 2.0  # how often to check whether the process is stuck
LASTING_S = 30.0  # a process that lived longer did not die of its start
FIRST_PAUSE_S = 0.1  # before replacing a process that died sooner
LONGEST_PAUSE_S = 5.0


@dataclass(slots=True, eq=False)
class Task:
    """A take to be stored; `block` holds its sound while a process has it."""

    sound: SpokenSound
    stored: Future[StoredSound] = field(default_factory=Future)
    losses: int = 0  # processes that died while they had it
    block: int = -1
    sent_at: float = 0.0


class Keeper(Protocol):
    """The pool as a lane sees it; called without holding the guard."""

    def hand_out(self) -> None:
        """Give waiting tasks to lanes with room."""

    def finish(self, task: Task, answer: Answer) -> None:
        """Pass on the answer to a task."""

    def redo(self, tasks: list[Task]) -> None:
        """Queue the tasks of a dead process again."""


class Lane:
    """A process and a thread that receives its answers. The guard belongs to the pool."""

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
        self._check_s = min(CHECK_S, limit_s / 2)
        self._process: TakeProcess | None = None
        self._is_ready = False
        self._stopped = threading.Event()
        self._tasks: dict[int, Task] = {}
        self._is_alone = False  # running only a task that killed a process before
        self._count = 0
        self._thread = threading.Thread(target=self._run, name="takes", daemon=True)

    def start(self) -> None:
        """Start the process and the thread."""
        self._thread.start()

    @property
    def load(self) -> int:
        """How many tasks it has."""
        return len(self._tasks)

    @property
    def pid(self) -> int | None:
        """The id of the process, while it is ready."""
        return self._process.pid if self._process is not None and self._is_ready else None

    def has_room(self, task: Task) -> bool:
        """Return whether it can take a task; one that killed a process runs alone."""
        if not self._is_ready or self._is_alone:
            return False
        return not self._tasks if task.losses else self.load < THREADS + AHEAD

    def send(self, task: Task, sizes: tuple[int, int]) -> None:
        """Send the process a task whose sound is in its block; the caller holds the guard.

        If this raises, the lane does not have the task.
        """
        assert self._process is not None
        self._count += 1
        request = Request(
            number=self._count,
            block=task.block,
            sizes=sizes,
            spoken_text=task.sound.spoken_text,
            is_truncated=task.sound.is_truncated,
            waiting=task.sound.waiting,
        )
        task.sent_at = time.monotonic()
        with suppress(OSError):  # it is gone: the receiving thread notices and redoes the task
            self._process.send(request)
        self._tasks[self._count] = task
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
            self._keep_running()
        except Exception:
            log.exception("take_lane_failed")
        finally:
            # Whatever ended the thread, waiting tasks must not wait for this lane.
            self.is_given_up = True
            self._keeper.hand_out()

    def _keep_running(self) -> None:
        """Replace the process whenever it dies, until several in a row never get ready."""
        failed = died_soon = 0
        while not self._stopped.is_set():
            started_at = time.monotonic()
            failed = 0 if self._run_process() else failed + 1
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

    def _run_process(self) -> bool:
        """Start a process and serve it until it ends; return False if it never got ready."""
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
        return self._release(process)

    def _serve(self, process: TakeProcess) -> None:
        checked_at = time.monotonic()
        while not self._stopped.is_set():
            answer = process.receive(self._check_s)
            if answer is not None:
                self._receive(answer)
            # Other answers may keep arriving while one take is stuck.
            if time.monotonic() - checked_at >= self._check_s:
                checked_at = time.monotonic()
                self._check_oldest(checked_at)

    def _release(self, process: TakeProcess | None) -> bool:
        """Free a dead process and return its tasks to the pool; False if it never got ready."""
        with self._guard:
            was_ready = self._is_ready
            tasks, self._tasks = list(self._tasks.values()), {}
            self._process, self._is_ready, self._is_alone = None, False, False
        try:
            if process is not None:
                process.dispose()
        finally:
            self._keeper.redo(tasks)
        return was_ready

    def _receive(self, answer: Answer) -> None:
        if answer.number is None:
            with self._guard:
                self._is_ready = True
            self._keeper.hand_out()
        else:
            with self._guard:
                task = self._tasks.pop(answer.number)
                self._is_alone = False
            self._keeper.finish(task, answer)

    def _check_oldest(self, now: float) -> None:
        """Check whether the process is stuck. Raises: TimeoutError."""
        with self._guard:
            oldest = min((task.sent_at for task in self._tasks.values()), default=now)
        if now - oldest > self._limit_s:
            raise TimeoutError(f"a take was not stored within {self._limit_s:g} s")
