"""A process that checks and stores takes: how it is started, asked and answered.

It is started by a server without threads, because a copy of a process that uses CUDA cannot work.
Sounds lie in shared memory; what goes through its pipe is small.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from narration.errors import RhapsodeError
from worker.rendering.blocks import SharedBlocks
from worker.rendering.take_sound import SpokenSound, StoredSound, StoreSound

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

THREADS = 3  # takes at once in one process: while one waits for the store, others are encoded
NICENESS = 2  # the threads that drive the engine go first

Opener = Callable[[], StoreSound]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A take to be stored: where it lies, and what it should say."""

    number: int
    block: int
    sizes: tuple[int, int]
    spoken_text: str
    is_truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request; `number` is None when the process is ready for the first."""

    number: int | None
    stored: StoredSound | None = None
    error: Exception | None = None


class TakeProcess:
    """One running process; one thread at a time sends, one receives."""

    def __init__(self, opener: Opener, blocks: SharedBlocks, preload: Sequence[str] = ()) -> None:
        """`preload` names modules that the opener needs: processes then share their memory."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *preload])
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, opener, blocks), name="takes", daemon=True
        )
        try:
            self._process.start()
        except BaseException:
            self._pipe.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    def send(self, request: Request) -> None:
        """Ask for a take to be stored. Raises: OSError if the process is gone."""
        self._pipe.send(request)

    def receive(self, timeout_s: float) -> Answer | None:
        """Wait for an answer. Raises: EOFError or OSError if the process is gone."""
        if not self._pipe.poll(timeout_s):
            return None
        answer: Answer = self._pipe.recv()
        return answer

    def end(self) -> None:
        """Kill the process; whoever receives finds it gone."""
        self._process.kill()

    def dispose(self) -> None:
        """Kill the process and free what it took."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._process.close()


def _serve(pipe: Connection, opener: Opener, blocks: SharedBlocks) -> None:
    """Answer requests until the parent is gone; what is under way ends with it."""
    # Signals to the whole service are the parent's to handle: it stores what is under way first,
    # and this process ends when the pipe is closed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    store = opener()
    answering = threading.Lock()
    _answer(pipe, answering, Answer(number=None))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="take") as pool:
        with contextlib.suppress(EOFError, OSError):
            while True:
                request = pipe.recv()
                pool.submit(_handle, request, store, blocks, pipe, answering)
        os._exit(0)  # threads may be waiting for a store that does not answer


def _handle(
    request: Request,
    store: StoreSound,
    blocks: SharedBlocks,
    pipe: Connection,
    answering: threading.Lock,
) -> None:
    sound = blocks.read(
        request.block,
        request.sizes,
        spoken_text=request.spoken_text,
        is_truncated=request.is_truncated,
    )
    _answer(pipe, answering, _outcome(request.number, store, sound))


def _outcome(number: int, store: StoreSound, sound: SpokenSound) -> Answer:
    try:
        return Answer(number=number, stored=store(sound))
    except RhapsodeError as error:
        return Answer(number=number, error=error)
    except Exception as error:  # noqa: BLE001 - whoever asked must learn of any
        # As text: not every error of a library can be sent.
        bug = RuntimeError("".join(traceback.format_exception(error)))
        return Answer(number=number, error=bug)


def _answer(pipe: Connection, answering: threading.Lock, message: Answer) -> None:
    """Send an answer, of several threads one at a time; to a parent that is gone none."""
    with answering, contextlib.suppress(OSError):
        pipe.send(message)
