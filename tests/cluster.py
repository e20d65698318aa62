"""The whole service as processes: Postgres, broker, bucket, workers that make tones, a sweeper."""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narration import workers
from narration.broker.celery import CeleryBroker, make_celery
from narration.broker.wakeups import send_queued
from narration.clock import utc_now
from narration.database import call_after_commit, make_engine, session_scope
from narration.errors import DatabaseUnavailable
from narration.jobs.lookup import get_artifacts, get_chunks, get_job
from narration.jobs.record import Artifact, Chunk, Job
from narration.jobs.states import ENDED
from narration.migrate import migrate
from narration.settings import Settings
from narration.storage.profiles import open_stores
from narration.sweeper import Sweeper
from tests.builders import make_job
from tests.servers import Postgres, SeaweedFS, Valkey
from tests.spawned_worker import SpawnedWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup as in `docs/operations.md`: a dump of the database, then a copy of the bucket."""

    dump: bytes
    bucket: str


class Cluster:
    """A separate service on servers that tests share."""

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        valkey: Valkey,
        seaweedfs: SeaweedFS,
        *,
        s3_endpoint_url: str | None = None,
        checkpoint: Path | None = None,
        has_own_process: bool | None = None,
        restored: Backup | None = None,
        has_sweeper: bool = True,
        **worker: Any,
    ) -> None:
        self.folder = folder
        self.postgres, self.valkey, self.seaweedfs = postgres, valkey, seaweedfs
        valkey.client().flushall()
        self.bucket = restored.bucket if restored else seaweedfs.new_bucket()
        profile = seaweedfs.profile(self.bucket)
        profile = profile.model_copy(
            update={"endpoint_url": s3_endpoint_url or profile.endpoint_url, "read_timeout_s": 2.0}
        )
        if restored:
            database_url = postgres.restore(restored.dump)
            migrate(database_url)
        else:
            database_url = postgres.migrated_database()
        self.database_url = database_url
        self._environment = _environment(folder, database_url, valkey.url, profile, worker)
        self.settings = _settings_from(self._environment)
        if checkpoint is not None:
            self._environment["RHAPSODE_MODEL__CHECKPOINT"] = str(checkpoint.absolute())
            if has_own_process is not None:
                self._environment["RHAPSODE_MODEL__HAS_OWN_PROCESS"] = str(has_own_process)
        self.database = make_engine(database_url)
        self.stores = open_stores(self.settings)
        assert self.settings.broker.url is not None
        self.broker = CeleryBroker(make_celery(self.settings.broker.url, self.settings.broker))
        call_after_commit(self.database, send_queued(self.broker))
        self.workers: list[SpawnedWorker] = []
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep)
        if has_sweeper:
            self._sweeper.start()

    def start_worker(
        self, queues: str = "cpu,gpu", *, chunk_s: float = 0.01, engine_threads: int = 2
    ) -> SpawnedWorker:
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = SpawnedWorker(
            queues, chunk_s, self._environment, log, engine_threads=engine_threads
        )
        self.workers.append(worker)
        return worker

    def wait_until_ready(self, count: int = 1, timeout_s: float = 60.0) -> None:
        def is_ready() -> bool:
            with session_scope(self.database) as session:
                return len(workers.warm_workers(session, now=utc_now())) >= count

        wait_for(is_ready, timeout_s, f"{count} warm workers")

    def submit(self, text: str, **settings: Any) -> str:
        with session_scope(self.database) as session:
            job = make_job(session, text, now=utc_now(), **settings)
        return job.id

    def job(self, job_id: str) -> Job:
        with session_scope(self.database, is_read_only=True) as session:
            return get_job(session, job_id)

    def chunks(self, job_id: str) -> list[Chunk]:
        with session_scope(self.database, is_read_only=True) as session:
            return get_chunks(session, job_id)

    def artifacts(self, job_id: str) -> dict[str, Artifact]:
        with session_scope(self.database, is_read_only=True) as session:
            return {artifact.name: artifact for artifact in get_artifacts(session, job_id)}

    def wait(self, job_ids: Iterable[str], timeout_s: float = 60.0) -> list[Job]:
        job_ids = list(job_ids)

        def have_ended() -> bool:
            try:
                return all(self.job(job_id).state in ENDED for job_id in job_ids)
            except DatabaseUnavailable:
                return False

        wait_for(have_ended, timeout_s, "the end of the jobs")
        return [self.job(job_id) for job_id in job_ids]

    def backup(self) -> Backup:
        # The database first: objects are stored before the rows that name them.
        dump = self.postgres.dump(self.database_url)
        return Backup(dump=dump, bucket=self.seaweedfs.copy_bucket(self.bucket))

    def close(self) -> None:
        self._stop.set()
        if self._sweeper.ident is not None:
            self._sweeper.join()
        for worker in self.workers:
            worker.end()
        self.database.dispose()

    def _sweep(self) -> None:
        sweeper = Sweeper(
            database=self.database,
            stores=self.stores,
            broker=self.broker,
            settings=self.settings.sweeper,
        )
        sweeper.run(self._stop)


@contextmanager
def open_cluster(*arguments: Any, **settings: Any) -> Iterator[Cluster]:
    cluster = Cluster(*arguments, **settings)
    try:
        yield cluster
    finally:
        cluster.close()


def wait_for(is_so: Any, timeout_s: float, what: str) -> None:
    ends_at = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"no {what} within {timeout_s} s")
        time.sleep(0.05)


def _environment(
    folder: Path, database_url: str, broker_url: str, profile: Any, worker: dict[str, Any]
) -> dict[str, str]:
    bucket = {
        name: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in profile
        if value is not None
    }
    rules = {"lease_s": 3, "heartbeat_s": 0.5, "retry_s": 0.3, "is_warmed_up": False}
    rules |= {"slots": 2, "encoders": 1, "take_processes": 1}
    return {
        "RHAPSODE_DATA_DIR": str(folder),
        "RHAPSODE_DATABASE__URL": database_url,
        "RHAPSODE_BROKER__URL": broker_url,
        "RHAPSODE_STORAGE__PROFILES": json.dumps({"default": bucket}),
        "RHAPSODE_WORKER": json.dumps({**rules, "grace_s": 5, **worker}),
        "RHAPSODE_WEBHOOKS": json.dumps({"allowed_networks": "127.0.0.0/8", "timeout_s": 2}),
        "RHAPSODE_SWEEPER": json.dumps({"interval_s": 0.3, "stalled_s": 1}),
    }


def _settings_from(environment: dict[str, str]) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": environment["RHAPSODE_DATA_DIR"],
            "database": {"url": environment["RHAPSODE_DATABASE__URL"]},
            "broker": {"url": environment["RHAPSODE_BROKER__URL"]},
            "storage": {"profiles": json.loads(environment["RHAPSODE_STORAGE__PROFILES"])},
            "worker": json.loads(environment["RHAPSODE_WORKER"]),
            "sweeper": json.loads(environment["RHAPSODE_SWEEPER"]),
            "webhooks": json.loads(environment["RHAPSODE_WEBHOOKS"]),
        }
    )
