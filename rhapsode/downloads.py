"""Download progress: a bar on a terminal, events with figures in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import structlog

from narration.errors import TransientError
from rhapsode.progress import download_bar

if TYPE_CHECKING:
    from worker.chatterbox.hub import PullProgress

LOG_EVERY_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0

log = structlog.get_logger(__name__)
Result = TypeVar("Result")


@contextmanager
def download_progress(model: str, *, is_logged: bool) -> Iterator[Callable[["PullProgress"], None]]:
    """Return the callback for a download's progress; a bar on a terminal unless `is_logged`."""
    if is_logged:
        yield DownloadLog(model).note
        return
    with download_bar() as bar:
        task = bar.add_task(model, total=None)

        def show(progress: "PullProgress") -> None:
            bar.update(
                task,
                description=progress.file,
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        yield show


class DownloadLog:
    """Logs the progress of a download: at its start, every few seconds, and at its end."""

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._next_s = clock()

    def note(self, progress: "PullProgress") -> None:
        """Log this step if enough time has passed since the last one."""
        now_s = self._clock()
        if now_s < self._next_s and progress.done_bytes < progress.total_bytes:
            return
        self._next_s = now_s + LOG_EVERY_S
        log.info(
            "weights_arriving",
            model=self._model,
            file=progress.file,
            done_mb=round(progress.done_bytes / 1e6),
            total_mb=round(progress.total_bytes / 1e6),
            percent=round(100 * progress.done_bytes / progress.total_bytes, 1),
        )


def patiently(
    attempt: Callable[[], Result],
    patience_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Retry as long as the failure may be temporary.

    Raises: what `attempt` raises, but TransientError only after `patience_s`.
    """
    ends_at, pause_s = clock() + patience_s, FIRST_PAUSE_S
    while True:
        try:
            return attempt()
        except TransientError as error:
            if clock() + pause_s > ends_at:
                raise
            log.warning("weights_awaited", reason=str(error), retry_in_s=pause_s)
        sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
