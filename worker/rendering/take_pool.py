"""Takes are checked and stored in other processes, so that the one with the engine is free for it.

A waveform is written into shared memory for a process that has room, and waits where it is while
none has. A process that is killed is replaced, and what it had is done again, one at a time: a
sound that takes processes down again and again is given up, and no other with it.
"""

import atexit
import threading
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

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

MOST_LOSSES = 3  # processes that one sound may take down


class TakePool:
    """Stores takes in so many processes; with none, in the thread that asks."""

    def __init__(
        self,
        store: StoreSound,
        opener: Opener,
        *,
        processes: int,
        preload: Sequence[str] = (),
        limit_s: float = LIMIT_S,
    ) -> None:
        """`store` stores within this process, what `opener` returns does in the others.

        A process that needs longer than `limit_s` for a take counts as lost.
        """
        self._store = store
        self._guard = threading.Lock()
        self._waiting: deque[Task] = deque()
        self._blocks = SharedBlocks.make(max(1, processes * (THREADS + AHEAD)))
        self._free = list(range(self._blocks.count))
        self._is_closed = False
        start = partial(TakeProcess, opener, self._blocks, preload)
        self._lanes = [Lane(self, self._guard, start, limit_s=limit_s) for _ in range(processes)]
        # The exit of this process waits for the others, which ignore its request to end.
        atexit.register(self.close)
        for lane in self._lanes:
            lane.start()

    @property
    def pids(self) -> list[int]:
        """The processes that are up."""
        return [pid for lane in self._lanes if (pid := lane.pid) is not None]

    def submit(self, sound: SpokenSound) -> Future[StoredSound]:
        """Have a take checked and stored.

        The future fails with what storing raises; with SpeechError if processes are lost by it.
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
        """Stop every process; call it when nobody waits for a take any more."""
        atexit.unregister(self.close)
        with self._guard:
            self._is_closed = True
            self._waiting.clear()
        for lane in self._lanes:
            lane.stop()
        self._blocks.close()

    def hand_out(self) -> None:
        """Give tasks that wait to processes with room; once there is no process, do them here."""
        unsent: list[tuple[Task, Exception]] = []
        with self._guard:
            while self._waiting:
                try:
                    if not self._send(self._waiting[0]):
                        break
                except Exception as error:  # noqa: BLE001 - it is the fault of this sound alone
                    unsent.append((self._waiting[0], error))
                self._waiting.popleft()
        for failed, reason in unsent:  # without the guard: whoever asked may ask for another
            traceback.clear_frames(reason.__traceback__)  # views of the blocks would outlive them
            failed.stored.set_exception(reason)
        while self._is_given_up() and not self._is_closed:
            with self._guard:
                task = self._waiting.popleft() if self._waiting else None
            if task is None:
                break
            self._store_here(task)

    def finish(self, task: Task, answer: Answer) -> None:
        """Pass an answer on, and give the room to the next."""
        self._give_back(task)
        try:
            self.hand_out()
        finally:
            if answer.error is not None:
                task.stored.set_exception(answer.error)
            elif answer.stored is not None:
                task.stored.set_result(answer.stored)

    def redo(self, tasks: list[Task]) -> None:
        """Do again what a lost process had, unless it was lost by that too often."""
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
        return all(lane.is_given_up for lane in self._lanes)  # also where there are none

    def _send(self, task: Task) -> bool:
        """Give a task to the process that has least to do; the guard is held.

        If it fails the task has no block and no process.
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
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            task.stored.set_exception(error)


def make_take_pool(settings: Settings, store: Storage) -> TakePool:
    """Make the pool of a worker; `store` is where takes go, opened in this process."""
    profile = settings.storage.profiles[settings.storage.work_profile]
    return TakePool(
        partial(store_sound, store),
        partial(open_store_sound, profile, settings.objects_dir),
        processes=settings.worker.take_process_count,
        preload=["narration.storage.s3"] if isinstance(profile, S3Profile) else [],
    )
