"""Run calls that may need too much time or memory in processes that can be stopped.

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
import sys
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
START_S = 120.0  # for a child to import its modules
END_S = 5.0  # for a child to exit after its pipe is closed
NICENESS = 5  # requests that do not need parsing go first
MOST_IN_A_ROW = 4  # calls that go first, while others wait
KEPT_BYTES = 1 << 30  # a child that has grown beyond this is replaced


class TooSlowError(Exception):
    """The call was stopped at its time limit."""


class TooLargeCallError(Exception):
    """The call exceeded its memory limit, or its process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChildSettings:
    """How a process starts."""

    memory_bytes: int
    preload: tuple[str, ...]
    rehearse: Callable[[], object] | None
    niceness: int
    kept_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    process: BaseProcess
    pipe: Connection


class _Places:
    """A semaphore with two queues: those who go first, and others, who get every fifth place."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._first = self._others = 0  # how many of each wait
        self._in_a_row = 0  # places that went to those who go first while others waited
        self._changed = threading.Condition()

    def enter(self, *, timeout_s: float | None = None, goes_first: bool = False) -> bool:
        """Wait for a place; return False if there was none in time."""
        with self._changed:
            self._first += goes_first
            self._others += not goes_first
            try:
                is_free = self._changed.wait_for(
                    lambda: self._is_turn(goes_first=goes_first), timeout_s
                )
                self._free -= is_free
                if is_free:
                    is_passing = goes_first and self._others > 0
                    self._in_a_row = self._in_a_row + 1 if is_passing else 0
            finally:
                self._first -= goes_first
                self._others -= not goes_first
                self._changed.notify_all()  # whose turn it is depends on who waits
            return is_free

    def _is_turn(self, *, goes_first: bool) -> bool:
        is_for_others = self._in_a_row >= MOST_IN_A_ROW
        if goes_first:
            return self._free > 0 and not (is_for_others and self._others)
        return self._free > (0 if is_for_others else self._first)

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()


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
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        """`preload` names the modules of the functions to call, as importing them takes long.

        `rehearse` is called once in every process before its first call, to load what a call needs.
        Background processes run at a lower priority. One that grew beyond `kept_bytes` ends.
        """
        self._free = _Places(processes)
        self._processes = processes
        self._wait_s = wait_s
        self._child_settings = _ChildSettings(
            memory_bytes=memory_bytes,
            preload=tuple(preload),
            rehearse=rehearse,
            niceness=NICENESS if is_background else 0,
            kept_bytes=kept_bytes,
        )
        self._idle: list[_Child] = []
        self._guard = threading.Lock()
        self._is_closed = False

    def call(
        self,
        function: Callable[..., T],
        *arguments: Any,
        limit_s: float,
        wait_s: float | None = None,
        goes_first: bool = False,
    ) -> T:
        """Call a function of a module with arguments that can be pickled, and return its result.

        `limit_s` limits the processor time; wall-clock time is limited to a multiple of it.
        `wait_s` is for a free process, if not as long as usual. Calls with `goes_first` get four of
        five processes that become free, whoever waits longer.

        Raises: TooSlowError, TooLargeCallError; BusyError if no process is free for long; what the
        function raises.
        """
        wait_s = self._wait_s if wait_s is None else wait_s
        if not self._free.enter(timeout_s=wait_s, goes_first=goes_first):
            raise BusyError(f"all readers have been busy for {wait_s:g} s: send this again")
        try:
            child = self._idle_or_new()
            try:
                outcome, is_last = _request(
                    child, (function, arguments, limit_s), WALL_PER_CPU * limit_s
                )
            except BaseException:
                _stop(child)
                raise
            # A child that is about to end still looks alive: another call must not find it.
            _stop(child) if is_last else self._put_back(child)
        finally:
            self._free.leave()
        if isinstance(outcome, Exception):
            raise outcome
        result: T = outcome
        return result

    def prepare(self, *, is_all: bool = False) -> None:
        """Start one process or all of them in the background, ready for the first calls."""
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
        self._free.enter()
        try:
            with contextlib.suppress(TooSlowError, TooLargeCallError, OSError):
                self._put_back(_start(self._child_settings))
        finally:
            self._free.leave()

    def _put_back(self, child: _Child) -> None:
        with self._guard:
            if not self._is_closed:
                self._idle.append(child)
                return
        _stop(child)

    def _idle_or_new(self) -> _Child:
        while True:
            with self._guard:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return _start(self._child_settings)
            if child.process.is_alive():
                return child
            _stop(child)


def _start(settings: _ChildSettings) -> _Child:
    # Children are forked from a server process that has no threads and has already imported their
    # modules: a fork of this process would inherit held locks, and a fresh process would take
    # seconds to start.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *settings.preload])
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, settings), name="reader", daemon=True)
    process.start()
    theirs.close()
    child = _Child(process=process, pipe=ours)
    try:
        _request(child, None, START_S)
    except BaseException:
        _stop(child)
        raise
    return child


def _request(child: _Child, request: Any, limit_s: float) -> Any:
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


def _serve(pipe: Connection, settings: _ChildSettings) -> None:
    """Serve calls until the parent is gone; a child that outlives its parent exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    os.nice(settings.niceness)
    for module in settings.preload:
        importlib.import_module(module)
    with contextlib.suppress(ValueError, OSError):  # not every system supports the limit
        resource.setrlimit(resource.RLIMIT_AS, (settings.memory_bytes, settings.memory_bytes))
    if settings.rehearse is not None:
        settings.rehearse()
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = pipe.recv()
            if request is None:
                pipe.send(None)
                continue
            function, arguments, limit_s = request
            _limit_cpu(limit_s)
            outcome = _outcome(function, arguments)
            is_last = _peak_bytes() > settings.kept_bytes
            pipe.send((outcome, is_last))
            if is_last:
                return


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes, but on macOS


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
