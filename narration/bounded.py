"""Calls that may take too long or too much, made in processes that can be stopped.

Uploads are read by parsers whose time and memory cannot be predicted. They run here in a few child
processes with limits; a process that exceeds one is killed and replaced.
"""

import contextlib
import importlib
import math
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from narration.errors import BusyError, RhapsodeError

T = TypeVar("T")
WALL_PER_CPU = 3.0  # wall-clock time per processor time, on a busy machine
START_S = 120.0  # for a child to import what it needs
END_S = 5.0  # for a child whose pipe is closed to be gone
NICENESS = 5  # requests that only read go first
KEPT_BYTES = 1 << 30  # a child that has grown beyond this is replaced


class TooSlowError(Exception):
    """The call was stopped at its time limit."""


class TooLargeCallError(Exception):
    """The call ran out of its memory, or its process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Birth:
    """What a process is told when it starts."""

    memory_bytes: int
    preload: tuple[str, ...]
    rehearse: Callable[[], object] | None
    niceness: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    process: BaseProcess
    pipe: Connection


class BoundedCalls:
    """A few child processes; `call` may be used from many threads."""

    def __init__(
        self,
        *,
        processes: int,
        memory_bytes: int,
        wait_s: float,
        preload: Sequence[str] = (),
        rehearse: Callable[[], object] | None = None,
        is_background: bool = True,
    ) -> None:
        """`preload` names the modules whose functions will be called: importing takes its time.

        `rehearse` is called once in every process before it is used, for what a first call loads.
        Background processes leave the processor to whoever wants it.
        """
        self._free = threading.Semaphore(processes)
        self._processes = processes
        self._wait_s = wait_s
        self._birth = _Birth(
            memory_bytes=memory_bytes,
            preload=tuple(preload),
            rehearse=rehearse,
            niceness=NICENESS if is_background else 0,
        )
        self._idle: list[_Child] = []
        self._guard = threading.Lock()
        self._is_closed = False

    def call(self, function: Callable[..., T], *arguments: Any, limit_s: float) -> T:
        """Return what a function of a module returns for arguments that can be pickled.

        `limit_s` bounds the processor time; the time on the clock is bounded by a multiple of it.

        Raises: TooSlowError, TooLargeCallError; BusyError if no process is free for long; what the
        function raises.
        """
        if not self._free.acquire(timeout=self._wait_s):
            raise BusyError(f"all readers have been busy for {self._wait_s:g} s: send this again")
        try:
            child = self._take()
            try:
                outcome = _ask(child, (function, arguments, limit_s), WALL_PER_CPU * limit_s)
            except BaseException:
                _stop(child)
                raise
            self._keep(child)
        finally:
            self._free.release()
        if isinstance(outcome, Exception):
            raise outcome
        result: T = outcome
        return result

    def prepare(self, *, is_all: bool = False) -> None:
        """Begin to start one process or all, so that the first calls find them."""
        for _ in range(self._processes if is_all else 1):
            threading.Thread(target=self._start_ahead, name="reader-start", daemon=True).start()

    def close(self) -> None:
        """Stop every process."""
        with self._guard:
            self._is_closed = True
            children, self._idle = self._idle, []
        for child in children:
            _stop(child)

    def _start_ahead(self) -> None:
        with self._free, contextlib.suppress(TooSlowError, TooLargeCallError, OSError):
            self._keep(_start(self._birth))

    def _keep(self, child: _Child) -> None:
        with self._guard:
            if not self._is_closed:
                self._idle.append(child)
                return
        _stop(child)

    def _take(self) -> _Child:
        while True:
            with self._guard:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return _start(self._birth)
            if child.process.is_alive():
                return child
            _stop(child)


def _start(birth: _Birth) -> _Child:
    # Children are forked from a server that has no threads and has imported what they need: a copy
    # of this process would hold its locks, and a fresh process would take seconds to begin.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *birth.preload])
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, birth), name="reader", daemon=True)
    process.start()
    theirs.close()
    child = _Child(process=process, pipe=ours)
    try:
        _ask(child, None, START_S)
    except BaseException:
        _stop(child)
        raise
    return child


def _ask(child: _Child, request: Any, limit_s: float) -> Any:
    """Return the answer of a child. Raises: TooSlowError, TooLargeCallError."""
    ends_at = time.monotonic() + limit_s
    try:
        child.pipe.send(request)
        if not child.pipe.poll(max(0.0, ends_at - time.monotonic())):
            raise TooSlowError
        return child.pipe.recv()
    except (EOFError, OSError) as error:
        child.process.join(END_S)
        is_slow = child.process.exitcode == -signal.SIGXCPU
        raise (TooSlowError if is_slow else TooLargeCallError) from error


def _stop(child: _Child) -> None:
    child.process.kill()
    child.process.join()
    child.pipe.close()


def _serve(pipe: Connection, birth: _Birth) -> None:
    """Answer calls until the parent is gone; a child that outlives its parent stops by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    os.nice(birth.niceness)
    for module in birth.preload:
        importlib.import_module(module)
    with contextlib.suppress(ValueError, OSError):  # not every system can bound it
        resource.setrlimit(resource.RLIMIT_AS, (birth.memory_bytes, birth.memory_bytes))
    if birth.rehearse is not None:
        birth.rehearse()
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = pipe.recv()
            if request is None:
                pipe.send(None)
                continue
            function, arguments, limit_s = request
            _limit_cpu(limit_s)
            pipe.send(_outcome(function, arguments))
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > KEPT_BYTES:
                return


def _limit_cpu(limit_s: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent_s = used.ru_utime + used.ru_stime
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(spent_s + limit_s), hard))


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except RhapsodeError as error:
        return error
    except (MemoryError, RecursionError):
        return TooLargeCallError()
