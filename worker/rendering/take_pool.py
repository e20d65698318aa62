"""Takes are checked and stored in other processes, to spare the worker's interpreter.

A waveform is written into shared memory once a process has room for it. A process that dies is
replaced, and its tasks are redone one at a time: a sound that repeatedly kills processes is given
up, and no other with it.
"""

import atexit
import threading
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

from narration.broker.first_sounds import FirstSoundSender
from narration.errors import SpeechError
from narration.settings import S3Profile, Settings
from narration.storage.interface import Storage
from worker.rendering.blocks import SharedBlocks, fits
from worker.rendering.take_lane import AHEAD, LIMIT_S, Lane, Task
from worker.rendering.take_process import THREADS, Answer, Opener, TakeProcess
from worker.rendering.take_sound import (
    SpokenSound,
    StoredSound,
    StoreSound,
    open_store_sound,
    store_sound,
)

MOST_LOSSES = 3  # processes that one sound may kill


class TakePool:
    """Stores takes in several processes; with none, in the calling thread."""

    def __init__(
        self,
        store: StoreSound,
        opener: Opener,
        *,
        processes: int,
        preload: Sequence[str] = (),
        limit_s: float = LIMIT_S,
    ) -> None:
        """`store` stores in this process; what `opener` returns stores in the others.

        A process that needs longer than `limit_s` for a take is killed.
        """
        self._store = store
        self._guard = threading.Lock()
        self._waiting: deque[Task] = deque()
        self._blocks = SharedBlocks.make(max(1, processes * (THREADS + AHEAD)))
        self._free = list(range(self._blocks.count))
        self._is_closed = False
        start = partial(TakeProcess, opener, self._blocks, preload)
        self._lanes = [Lane(self, self._guard, start, limit_s=limit_s) for _ in range(processes)]
        # At exit, multiprocessing would join the other processes, which ignore SIGTERM.
        atexit.register(self.close)
        for lane in self._lanes:
            lane.start()

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that are ready."""
        return [pid for lane in self._lanes if (pid := lane.pid) is not None]

    def submit(self, sound: SpokenSound) -> Future[StoredSound]:
        """Have a take checked and stored.

        The future fails with what storing raises; with SpeechError if the take kills processes.
        """
        task = Task(sound)
        if fits(sound) and not self._is_given_up():
            with self._guard:
                self._waiting.append(task)
            self.hand_out()
        else:
            self._store_here(task)
        return task.stored

    def close(self) -> None:
        """Stop every process; call it when no caller waits for a take."""
        atexit.unregister(self.close)
        with self._guard:
            self._is_closed = True
            self._waiting.clear()
        for lane in self._lanes:
            lane.stop()
        self._blocks.close()

    def hand_out(self) -> None:
        """Give waiting tasks to processes with room; without any process, do them here."""
        unsent: list[tuple[Task, Exception]] = []
        with self._guard:
            while self._waiting:
                try:
                    if not self._send(self._waiting[0]):
                        break
                except Exception as error:  # noqa: BLE001 - only this sound is to blame
                    unsent.append((self._waiting[0], error))
                self._waiting.popleft()
        for failed, reason in unsent:  # without the guard: a callback may submit another
            traceback.clear_frames(reason.__traceback__)  # views of the blocks would outlive them
            failed.stored.set_exception(reason)
        while self._is_given_up() and not self._is_closed:
            with self._guard:
                task = self._waiting.popleft() if self._waiting else None
            if task is None:
                break
            self._store_here(task)

    def finish(self, task: Task, answer: Answer) -> None:
        """Pass on an answer, and send the next task in its place."""
        self._give_back(task)
        try:
            self.hand_out()
        finally:
            if answer.error is not None:
                task.stored.set_exception(answer.error)
            elif answer.stored is not None:
                task.stored.set_result(answer.stored)

    def redo(self, tasks: list[Task]) -> None:
        """Redo the tasks of a dead process, except those that have killed too many."""
        if self._is_closed:
            return
        for task in tasks:
            self._give_back(task)
            task.losses += 1
        again = [task for task in tasks if task.losses < MOST_LOSSES]
        with self._guard:
            self._waiting.extendleft(reversed(again))
        for task in tasks:
            if task.losses >= MOST_LOSSES:
                task.stored.set_exception(
                    SpeechError(
                        f"{task.losses} processes were lost while they checked and stored its "
                        "sound: see the worker's log"
                    )
                )
        self.hand_out()

    def _is_given_up(self) -> bool:
        return all(lane.is_given_up for lane in self._lanes)  # true if there are none

    def _send(self, task: Task) -> bool:
        """Give a task to the least busy process; the caller holds the guard.

        If this raises, the task has neither block nor process.
        """
        lanes = [lane for lane in self._lanes if lane.has_room(task)]
        if not lanes or not self._free:
            return False
        task.block = self._free.pop()
        try:
            sizes = self._blocks.write(task.block, task.sound)
            min(lanes, key=lambda lane: lane.load).send(task, sizes)
        except Exception:
            self._free.append(task.block)
            raise
        return True

    def _give_back(self, task: Task) -> None:
        with self._guard:
            self._free.append(task.block)

    def _store_here(self, task: Task) -> None:
        try:
            task.stored.set_result(self._store(task.sound))
        except Exception as error:  # noqa: BLE001 - the caller's future gets it
            task.stored.set_exception(error)


def make_take_pool(settings: Settings, store: Storage) -> TakePool:
    """Make the pool of a worker; `store` is the object store, opened in this process."""
    profile = settings.storage.profiles[settings.storage.work_profile]
    return TakePool(
        partial(store_sound, store, FirstSoundSender(settings.broker.url)),
        partial(open_store_sound, profile, settings.objects_dir, settings.broker.url),
        processes=settings.worker.take_process_count,
        preload=["narration.storage.s3"] if isinstance(profile, S3Profile) else [],
    )
