"""Everything in one process: SQLite, a directory, tasks on threads, and a sweeper.

The same worker and the same queries as in the service; only the adapters differ.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from narration import dependencies
from narration.broker.inline import InlineBroker
from narration.broker.interface import Queue
from narration.broker.wakeups import send_queued
from narration.clock import utc_now
from narration.database import call_after_commit, make_engine, session_scope
from narration.errors import ConflictError, DiskFull, OutputError
from narration.jobs.stalled import has_unspoken, resume_work
from narration.migrate import migrate
from narration.settings import BrokerSettings, DatabaseSettings, Settings, StorageSettings
from narration.storage.profiles import Stores, open_stores
from narration.sweeper import Sweeper
from narration.voices.claim import resume_voices
from narration.webhooks.deliveries import resume_deliveries
from worker.process import LoadModel, WorkerProcess

LOCK_FILE = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The parts of one process."""

    settings: Settings
    database: Engine
    stores: Stores
    broker: InlineBroker
    worker: WorkerProcess
    sweeper: Sweeper


def on_one_machine(settings: Settings) -> Settings:
    """Return the settings with database, broker and storage under `data_dir`."""
    return settings.model_copy(
        update={
            "database": DatabaseSettings(),
            "broker": BrokerSettings(),
            "storage": StorageSettings(),
        }
    )


@contextmanager
def open_machine(settings: Settings, load_model: LoadModel) -> Iterator[Machine]:
    """Load the model and start working; at the end finish or hand back work in progress.

    Raises: ConflictError if another process uses the data directory; OutputError if it cannot be
    written; what `load_model` raises.
    """
    with _sole_user(settings.data_dir):
        check_room(settings.data_dir)
        migrate(settings.database_url)
        database = make_engine(settings.database_url, settings.database)
        broker = InlineBroker()
        call_after_commit(database, send_queued(broker))
        stores = open_stores(settings)
        try:
            worker = WorkerProcess(
                _warmed_by_work(settings, database),
                database=database,
                stores=stores,
                broker=broker,
                queues=frozenset(Queue),
                load_model=load_model,
            )
            broker.bind(worker.handlers, gpu_threads=worker.threads, encoders=worker.encoders)
            with session_scope(database) as session:  # leases of a killed process
                resume_work(session, most_renders=worker.slots, now=utc_now())
                resume_voices(session)
                resume_deliveries(session)
            sweeper = Sweeper(
                database=database, stores=stores, broker=broker, settings=settings.sweeper
            )
            try:
                with _swept(sweeper):
                    yield Machine(
                        settings=settings,
                        database=database,
                        stores=stores,
                        broker=broker,
                        worker=worker,
                        sweeper=sweeper,
                    )
            finally:
                worker.drain()
                broker.close()
                worker.close()
        finally:
            database.dispose()


def _warmed_by_work(settings: Settings, database: Engine) -> Settings:
    """Leave out the warm-up if work waits, which warms the engine as well."""
    with session_scope(database, is_read_only=True) as session:
        if not has_unspoken(session):
            return settings
    worker = settings.worker.model_copy(update={"is_warmed_up": False})
    return settings.model_copy(update={"worker": worker})


def check_room(data_dir: Path) -> None:
    """Check that the disk has free space, with a message for users of the command line.

    Raises: OutputError.
    """
    try:
        dependencies.check_room(data_dir)
    except DiskFull as error:
        raise OutputError(f"{error} and run the same command again") from error


@contextmanager
def _swept(sweeper: Sweeper) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=sweeper.run, args=(stop,), name="sweeper")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _sole_user(data_dir: Path) -> Iterator[None]:
    """Lock the data directory: two processes using it would render each other's jobs."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / LOCK_FILE).open("w")
    except OSError as error:
        raise OutputError(
            f"{data_dir} cannot be written ({error.strerror}): set RHAPSODE_DATA_DIR"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"another rhapsode process uses {data_dir}: wait for it, "
                "or set RHAPSODE_DATA_DIR to another folder"
            ) from error
        yield
