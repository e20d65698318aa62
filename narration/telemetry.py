"""Logs as events with fields, and every Prometheus metric in one table."""

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from narration.settings import TelemetrySettings

STEP_BUCKETS_S = (0.05, 0.2, 1, 5, 20, 60, 180, 600, 1800)
HTTP_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.06, 0.2, 0.5, 1, 5, 20, 60)

TASKS = Counter("rhapsode_tasks", "Tasks run, by how they ended.", ["task", "outcome"])
TASK_SECONDS = Histogram(
    "rhapsode_task_seconds", "Time a task took.", ["task"], buckets=STEP_BUCKETS_S
)
CHUNKS = Counter("rhapsode_chunks", "Chunks that ended, by outcome.", ["outcome"])
TAKES = Counter("rhapsode_takes", "Takes spoken, by whether their checks passed.", ["verdict"])
AUDIO_SECONDS = Counter("rhapsode_audio_seconds", "Speech made, in seconds of sound.")
LEASES_LOST = Counter("rhapsode_leases_lost", "Pieces of work that somebody else took over.")
RESENT = Counter("rhapsode_resent_wakeups", "Wake-ups the sweeper sent again.", ["task"])
JOBS = Gauge("rhapsode_jobs", "Jobs by state.", ["state"])
OLDEST_WAIT_SECONDS = Gauge(
    "rhapsode_oldest_wait_seconds", "How long the oldest job of a state has been in it.", ["state"]
)
SEGMENTS_WAITING = Gauge("rhapsode_segments_waiting", "Segments no worker has taken yet.")
HTTP_REQUEST_SECONDS = Histogram(
    "rhapsode_http_request_seconds",
    "Time a request took, by route.",
    ["route", "method", "status"],
    buckets=HTTP_BUCKETS_S,
)
SLOTS = Gauge("rhapsode_worker_slots", "Segments that warm workers could hold at once.")


def set_up_logging(settings: TelemetrySettings) -> None:
    """Write events to stderr, as lines for people or as JSON for machines."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    is_json = settings.log_format == "json"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *(_for_machines() if is_json else _for_people()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)


def _for_machines() -> list[structlog.typing.Processor]:
    # Without local variables: they hold the texts and the keys of other people.
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(transform), structlog.processors.JSONRenderer()]


def _for_people() -> list[structlog.typing.Processor]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def serve_metrics(settings: TelemetrySettings) -> None:
    """Serve /metrics from a thread, where a port is set."""
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port)
