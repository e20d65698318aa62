"""What Ctrl-C does to a process. Imports nothing heavy, because it counts from the first moment on.

Until there is work to hand back, an interruption ends the process at once. A KeyboardInterrupt
would be raised wherever the main thread is: in an import, which then fails half-way, or below C++
code that takes it for an error of its own and calls a whole file damaged.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NoReturn, Self

from rhapsode.exit_codes import EXIT_INTERRUPTED

STDERR = 2
HOW_TO_GO_ON = "interrupted; run the same command again to go on"
_SHOW_CURSOR = "\r\x1b[K\x1b[?25h"  # and clear the line of a progress bar, which hides the cursor


def end_at_once(*_: object) -> NoReturn:
    """End the process, as a signal handler; the next start continues what the database holds."""
    _say(HOW_TO_GO_ON)
    os._exit(EXIT_INTERRUPTED)


def end_at_once_on_interrupt() -> None:
    """From now on, end the process on Ctrl-C, unless its parent had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


def raise_interrupt() -> NoReturn:
    """Unwind the main thread, so that it hands back what it is doing."""
    _say("finishing the chunks that are being spoken; press Ctrl-C again to quit at once")
    raise KeyboardInterrupt


def _say(words: str) -> None:
    cleared = _SHOW_CURSOR if os.isatty(STDERR) else ""
    with suppress(OSError):
        # Not with print: the interrupted code may be writing to the same stream.
        os.write(STDERR, f"{cleared}rhapsode: {words}\n".encode())


class Interrupts:
    """Signal handling of a process with work: the first signal stops it, the second kills it."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def arm(
        self,
        stop: Callable[[], None],
        signals: Iterable[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
    ) -> None:
        """From now on, call `stop` on the first signal; the shutdown may take its time."""

        def on_signal(*_: object) -> None:
            if is_stopping.is_set():
                end_at_once()
            is_stopping.set()
            stop()

        is_stopping = threading.Event()
        for number in signals:
            self._before[number] = signal.signal(number, on_signal)
