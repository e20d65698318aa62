"""What a worker process waits for before it works, and how often it got so far lately."""

import socket
import time

import structlog
from sqlalchemy import Engine

from narration import workers
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import DatabaseUnavailable, NotFoundError
from narration.health import Health
from narration.migrate import check_schema
from narration.settings import Settings, WorkerSettings
from narration.telemetry import TroubleLog
from worker.process import LoadedModel, LoadModel

POLL_S = 3.0
MANY_STARTS = 4  # that were lost, within ten minutes: another one will be, too

log = structlog.get_logger(__name__)


def wait_for_schema(database: Engine, health: Health, *, poll_s: float = POLL_S) -> None:
    """Return once the database has the tables of this release."""
    trouble = TroubleLog("database_awaited")
    while True:
        try:
            check_schema(database)
        except DatabaseUnavailable as error:
            health.await_part("database", str(error))
            trouble.note(str(error))
            time.sleep(poll_s)
        else:
            health.await_part("database", None)
            trouble.clear()
            return


def check_restarts(database: Engine, health: Health, settings: WorkerSettings) -> None:
    """Say that the process is not alive if those before it in this container were all lost.

    It starts all the same: what is mended meanwhile shows by its becoming ready.
    """
    with session_scope(database, is_read_only=True) as session:
        lost = workers.count_lost_starts(
            session, host_name(), now=utc_now(), silent_after_s=settings.heartbeat_s
        )
    if lost >= MANY_STARTS:
        reason = f"started {lost + 1} times within ten minutes, and lost each time: see its log"
        health.set_dead(reason)
        log.error("worker_restarts", reason=reason)


def load_when_present(
    load_model: LoadModel, settings: Settings, health: Health, *, poll_s: float = POLL_S
) -> LoadedModel:
    """Load the model as soon as its weights are there: somebody else fetches them.

    Raises: CheckpointError or SettingsError if they cannot be used.
    """
    trouble = TroubleLog("weights_awaited")
    while True:
        try:
            model = load_model(settings)
        except NotFoundError as error:
            health.await_part("weights", str(error))
            trouble.note(str(error))
            time.sleep(poll_s)
        else:
            health.await_part("weights", None)
            trouble.clear()
            return model


def host_name() -> str:
    """Return the name that a container keeps when it is started again."""
    return socket.gethostname()[: workers.HOST_LENGTH]
