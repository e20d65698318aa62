"""What a worker process waits for before it works, and a check for a loop of restarts."""

import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Engine

from narration import workers
from narration.broker.interface import Broker
from narration.clock import utc_now
from narration.database import session_scope
from narration.dependencies import check_store
from narration.errors import DependencyError, NotFoundError, OutputError
from narration.health import Health
from narration.migrate import check_schema
from narration.settings import Settings, WorkerSettings
from narration.storage.profiles import Stores
from narration.telemetry import TroubleLog
from worker.cards import take_card
from worker.process import LoadedModel, LoadModel

POLL_S = 3.0
MANY_STARTS = 4  # starts that were lost within ten minutes: the next is likely to be lost, too

log = structlog.get_logger(__name__)
Result = TypeVar("Result")


def wait_for_schema(database: Engine, health: Health, *, poll_s: float = POLL_S) -> None:
    """Return once the database has the tables of this release."""
    _wait_for("database", partial(check_schema, database), health, poll_s)


def wait_for_broker(broker: Broker, health: Health, *, poll_s: float = POLL_S) -> None:
    """Return once the broker answers."""
    _wait_for("broker", broker.check, health, poll_s)


def wait_for_store(stores: Stores, health: Health, *, poll_s: float = POLL_S) -> None:
    """Return once the store accepts writes; wrong keys are waited out like an outage."""
    _wait_for("store", partial(check_store, stores), health, poll_s)


def check_restarts(database: Engine, health: Health, settings: WorkerSettings) -> None:
    """Report "not alive" if the previous processes of this container were all lost.

    It starts all the same: if the cause has been fixed, the process becomes ready.
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
    """Load the model onto a free card once its weights, which another process fetches, are there.

    Raises: CheckpointError or SettingsError if they cannot be used.
    """
    take_card(settings.model.cards, settings.data_dir / "cards", health)
    return _wait_for("weights", partial(load_model, settings), health, poll_s)


def _wait_for(part: str, attempt: Callable[[], Result], health: Health, poll_s: float) -> Result:
    """Try until it succeeds; meanwhile report what is awaited, and log it once."""
    trouble = TroubleLog(f"{part}_awaited")
    while True:
        try:
            result = attempt()
        except (DependencyError, NotFoundError, OutputError) as error:
            health.await_mending(part, error)
            trouble.note(str(error))
            time.sleep(poll_s)
        else:
            health.await_component(part, None)
            trouble.clear()
            return result


def host_name() -> str:
    """Return the name that a container keeps across restarts."""
    return socket.gethostname()[: workers.HOST_LENGTH]
