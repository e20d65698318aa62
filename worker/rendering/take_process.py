"""A process that checks and stores takes, and the protocol spoken with it.

It is started by a fork server, because threads and CUDA do not survive a fork. Sounds are in shared
memory; only small messages go through the pipe.
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

from narration.broker.first_sounds import Waiting
from narration.errors import RhapsodeError
from narration.memory import keep_freed_memory, share_heaps
from worker.rendering.blocks import SharedBlocks
from worker.rendering.take_sound import SpokenSound, StoredSound, StoreSound

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

THREADS = 3  # concurrent takes per process: while one waits for the store, others are encoded
NICENESS = 2  # the threads that drive the engine have priority

Opener = Callable[[], StoreSound]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A take to be stored: where it is, and the text that it should say."""

    number: int
    block: int
    sizes: tuple[int, int]
    spoken_text: str
    is_truncated: bool
    waiting: Waiting | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a request; `number` is None in the message that the process is ready."""

    number: int | None
    stored: StoredSound | None = None
    error: Exception | None = None


class TakeProcess:
    """One running process; one thread at a time may send, and one receive."""

    def __init__(self, opener: Opener, blocks: SharedBlocks, preload: Sequence[str] = ()) -> None:
        """`preload` names modules that the opener imports, so that processes share their memory."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *preload])
        self._pipe, child_pipe = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(child_pipe, opener, blocks), name="takes", daemon=True
        )
        try:
            self._process.start()
        except BaseException:
            self._pipe.close()
            raise
        finally:
            child_pipe.close()

    @property
    def pid(self) -> int | None:
        """The id of the process."""
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
        """Kill the process; `receive` then raises."""
        self._process.kill()

    def dispose(self) -> None:
        """Kill the process and free its resources."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._process.close()


def _serve(pipe: Connection, opener: Opener, blocks: SharedBlocks) -> None:
    """Answer requests until the parent is gone; running requests end with it."""
    # The parent handles signals sent to the whole process group: it stores running takes first, and
    # this process ends when the pipe is closed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    share_heaps()
    keep_freed_memory()
    store = opener()
    send_lock = threading.Lock()
    _answer(pipe, send_lock, Answer(number=None))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="take") as pool:
        with contextlib.suppress(EOFError, OSError):
            while True:
                request = pipe.recv()
                pool.submit(_handle, request, store, blocks, pipe, send_lock)
        os._exit(0)  # threads may be blocked on a store that does not answer


def _handle(
    request: Request,
    store: StoreSound,
    blocks: SharedBlocks,
    pipe: Connection,
    send_lock: threading.Lock,
) -> None:
    sound = blocks.read(
        request.block,
        request.sizes,
        spoken_text=request.spoken_text,
        is_truncated=request.is_truncated,
        waiting=request.waiting,
    )
    _answer(pipe, send_lock, _outcome(request.number, store, sound))


def _outcome(number: int, store: StoreSound, sound: SpokenSound) -> Answer:
    try:
        return Answer(number=number, stored=store(sound))
    except RhapsodeError as error:
        return Answer(number=number, error=error)
    except Exception as error:  # noqa: BLE001 - the caller must get any error
        # As text: not every library's exceptions can be pickled.
        bug = RuntimeError("".join(traceback.format_exception(error)))
        return Answer(number=number, error=bug)


def _answer(pipe: Connection, send_lock: threading.Lock, message: Answer) -> None:
    """Send an answer, one thread at a time; do nothing if the parent is gone."""
    with send_lock, contextlib.suppress(OSError):
        pipe.send(message)
