"""The worker process that Celery runs: a pool of threads over one warm engine."""

import os
import signal
import threading
from functools import partial

import structlog
from celery import Celery
from celery.app import trace
from celery.worker import state as celery_state

from narration import telemetry
from narration.broker.celery import CeleryBroker, listen, make_celery
from narration.broker.interface import Queue
from narration.broker.wakeups import send_queued
from narration.database import call_after_commit, make_engine
from narration.errors import SettingsError
from narration.health import Health, serve_health
from narration.memory import spare_garbage_collector
from narration.settings import Settings
from narration.storage.profiles import open_stores
from worker.process import EXIT_ENGINE_DIED, LoadModel, WorkerProcess
from worker.startup import (
    check_restarts,
    load_when_present,
    wait_for_broker,
    wait_for_schema,
    wait_for_store,
)

log = structlog.get_logger(__name__)


def run_worker(settings: Settings, queues: frozenset[Queue], load_model: LoadModel) -> int:
    """Work until SIGTERM, or until the engine dies; return the exit code.

    Raises: SettingsError if no broker is set.
    """
    if settings.broker.url is None:
        raise SettingsError("RHAPSODE_BROKER__URL is not set: a worker needs a broker to listen to")
    telemetry.set_up_logging(settings.telemetry)
    health = Health()
    serve_health(health, settings.telemetry.metrics_port)
    log.info("worker_started", queues=sorted(queues))
    _end_at_once_on_signals()
    app = make_celery(settings.broker.url, settings.broker)
    broker = CeleryBroker(app)
    database = make_engine(settings.database_url, settings.database)
    call_after_commit(database, send_queued(broker))
    wait_for_schema(database, health)
    check_restarts(database, health, settings.worker)
    stores = open_stores(settings)
    worker = WorkerProcess(
        settings,
        database=database,
        stores=stores,
        broker=broker,
        queues=queues,
        load_model=partial(load_when_present, load_model, health=health),
        health=health,
    )
    try:
        listen(app, worker.handlers)
        wait_for_broker(broker, health)
        wait_for_store(stores, health)
        worker.answer_calls()
        spare_garbage_collector()
        return _consume(app, worker, queues, health)
    finally:
        worker.close()
        database.dispose()
        log.info("worker_ended")


def _consume(app: Celery, worker: WorkerProcess, queues: frozenset[Queue], health: Health) -> int:
    def become_ready(_: object) -> None:
        health.await_component("broker", None)
        health.set_dead(None)
        health.set_ready()
        log.info("worker_ready", queues=sorted(queues))

    health.await_component("broker", "connecting")
    _drain_on_signals(worker)
    threading.Thread(target=_end_with_the_engine, args=(worker,), daemon=True).start()
    trace.setup_worker_optimizations(app)
    # The controller and not Celery's command, which would write its own lines to the log.
    controller = app.WorkController(
        app=app,
        pool="threads",  # never prefork: the worker's threads do not survive a fork
        concurrency=worker.threads,
        queues=[queue.value for queue in sorted(queues)],
        ready_callback=become_ready,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        optimization="fair",
    )
    controller.start()
    return int(controller.exitcode or 0)


def _end_at_once_on_signals() -> None:
    """Let a signal end the process at once, while there is no work to hand back."""

    def end(number: int, _: object) -> None:
        log.info("worker_ended", signal=signal.Signals(number).name)
        # An exception would be raised below C++ code, which takes it for a damaged file.
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _drain_on_signals(worker: WorkerProcess) -> None:
    def drain(number: int, _: object) -> None:
        log.info("worker_draining", signal=signal.Signals(number).name)
        worker.drain()
        celery_state.should_stop = 0  # type: ignore[assignment]  # the exit code, not a flag

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, drain)


def _end_with_the_engine(worker: WorkerProcess) -> None:
    worker.has_died.wait()
    # Celery checks this between events and shuts down with the code.
    celery_state.should_stop = EXIT_ENGINE_DIED  # type: ignore[assignment]  # a code, not a flag
