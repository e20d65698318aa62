"""Logs as events with fields, and every Prometheus metric in one table."""

import io
import logging
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram

from narration.settings import TelemetrySettings

STEP_BUCKETS_S = (0.05, 0.2, 1, 5, 20, 60, 180, 600, 1800)
HTTP_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.06, 0.2, 0.5, 1, 5, 20, 60)

TASKS = Counter("rhapsode_tasks", "Tasks run, by how they ended.", ["task", "outcome"])
TASK_SECONDS = Histogram(
    "rhapsode_task_seconds", "Time a task took.", ["task"], buckets=STEP_BUCKETS_S
)
CHUNKS = Counter("rhapsode_chunks", "Chunks that ended, by outcome.", ["outcome"])
TAKES = Counter("rhapsode_takes", "Takes spoken, by whether their checks passed.", ["verdict"])
AUDIO_SECONDS = Counter("rhapsode_audio_seconds", "Speech produced, in seconds of sound.")
LEASES_LOST = Counter("rhapsode_leases_lost", "Pieces of work that another worker took over.")
RESENT = Counter("rhapsode_resent_wakeups", "Wake-ups the sweeper sent again.", ["task"])
WEBHOOK_ATTEMPTS = Counter(
    "rhapsode_webhook_attempts",
    "Messages sent to webhooks, by whether they were accepted.",
    ["outcome"],
)
WEBHOOK_DELIVERIES_DUE = Gauge(
    "rhapsode_webhook_deliveries_due", "Messages to webhooks that are due, counted up to 1,000."
)
JOBS = Gauge("rhapsode_jobs", "Jobs by state.", ["state"])
OLDEST_WAIT_SECONDS = Gauge(
    "rhapsode_oldest_wait_seconds", "How long the oldest job of a state has been in it.", ["state"]
)
SEGMENTS_WAITING = Gauge("rhapsode_segments_waiting", "Segments that no worker has claimed yet.")
HTTP_REQUEST_SECONDS = Histogram(
    "rhapsode_http_request_seconds",
    "Time a request took, by route.",
    ["route", "method", "status"],
    buckets=HTTP_BUCKETS_S,
)
SLOTS = Gauge("rhapsode_worker_slots", "Segments that warm workers could hold at once.")
PLANS = Gauge("rhapsode_plans", "Plans that are stored with their documents.")
DEPENDENCY_UP = Gauge(
    "rhapsode_dependency_up", "1 while the sweeper gets an answer, else 0.", ["dependency"]
)
JOBS_IN_TROUBLE = Gauge("rhapsode_jobs_in_trouble", "Jobs that are stuck on a problem.", ["code"])


def set_up_logging(settings: TelemetrySettings) -> None:
    """Write events to stderr, as lines for people or as JSON for machines, one line each.

    Log records of libraries and uncaught exceptions become events, too.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    is_json = settings.log_format == "json"
    common: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    rendered = _for_machines() if is_json else _for_people()
    structlog.configure(
        processors=[*common, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # The event and its newline in a single write, because container engines split log entries
        # by write.
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Tolerant(sys.stderr))),
    )
    handler = logging.StreamHandler(_Tolerant(sys.stderr))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    if is_json:
        sys.excepthook = _log_crash
        threading.excepthook = _log_thread_crash


def log_step(step: str, **fields: object) -> None:
    """Log that speech has reached a step on its way to the listener; costs nothing above `debug`.

    `at` is in seconds of the monotonic clock, which all processes of a host share.
    """
    structlog.get_logger(__name__).debug("step", step=step, at=time.monotonic(), **fields)


class _Tolerant(io.TextIOBase):
    """A stream that drops what cannot be written: a log on a full disk must not fail a request."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _for_machines() -> list[structlog.typing.Processor]:
    # Without local variables, which contain users' texts and keys.
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(transform), structlog.processors.JSONRenderer()]


def _for_people() -> list[structlog.typing.Processor]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _log_crash(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        structlog.get_logger(__name__).info("interrupted")
    else:
        structlog.get_logger(__name__).critical("process_crashed", exc_info=error)


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    name = crash.thread.name if crash.thread else None
    structlog.get_logger(__name__).critical("thread_crashed", thread=name, exc_info=crash.exc_value)


class TroubleLog:
    """Logs a problem when it begins or changes, and when it ends; nothing in between."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._reason: str | None = None

    def note(self, reason: str) -> None:
        """Report the problem, whether it is new or not."""
        if reason == self._reason:
            return
        self._reason = reason
        structlog.get_logger(__name__).warning(self._event, reason=reason)

    def clear(self) -> None:
        """Report the end of the problem, if there was one."""
        if self._reason is not None:
            structlog.get_logger(__name__).info(f"{self._event}_over", reason=self._reason)
        self._reason = None
