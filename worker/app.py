"""The worker process: behind Celery, on a pool of threads over one warm engine."""

import threading
from typing import Any

import structlog
from celery import Celery, signals
from celery.worker import state as celery_state

from narration import telemetry
from narration.broker.celery import CeleryBroker, listen, make_celery
from narration.broker.interface import Queue
from narration.broker.wakeups import send_noted
from narration.database import call_after_commit, make_engine
from narration.errors import SettingsError
from narration.settings import Settings
from narration.storage.profiles import open_stores
from worker.process import EXIT_ENGINE_DIED, LoadModel, WorkerProcess

log = structlog.get_logger(__name__)


def run_worker(settings: Settings, queues: frozenset[Queue], load_model: LoadModel) -> int:
    """Work until SIGTERM, or until the engine dies; return the exit code.

    Raises: SettingsError if no broker is set.
    """
    if settings.broker.url is None:
        raise SettingsError("RHAPSODE_BROKER__URL is not set: a worker needs a broker to listen to")
    telemetry.set_up_logging(settings.telemetry)
    telemetry.serve_metrics(settings.telemetry)
    app = make_celery(settings.broker.url, settings.broker)
    broker = CeleryBroker(app)
    database = make_engine(settings.database_url, settings.database)
    call_after_commit(database, send_noted(broker))
    worker = WorkerProcess(
        settings,
        database=database,
        stores=open_stores(settings),
        broker=broker,
        queues=queues,
        load_model=load_model,
    )
    try:
        listen(app, worker.handlers)
        return _consume(app, worker, queues)
    finally:
        worker.close()
        database.dispose()


def _end_with_the_engine(worker: WorkerProcess) -> None:
    worker.has_died.wait()
    # Celery looks at this between two events and shuts down with the code.
    celery_state.should_stop = EXIT_ENGINE_DIED  # type: ignore[assignment]  # a code, not a flag


def _consume(app: Celery, worker: WorkerProcess, queues: frozenset[Queue]) -> int:
    def drain(**_: Any) -> None:
        log.info("worker_draining")
        worker.drain()

    signals.worker_shutting_down.connect(drain, weak=False)
    threading.Thread(target=_end_with_the_engine, args=(worker,), daemon=True).start()
    celery_worker = app.Worker(
        pool="threads",  # never prefork: a forked child cannot use the parent's CUDA
        concurrency=worker.slots,
        queues=[queue.value for queue in sorted(queues)],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,  # our own events say what it would
        optimization="fair",
    )
    celery_worker.start()
    return int(celery_worker.exitcode or 0)
