"""A worker whose messages a test delivers, in any order and as often as it likes."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, update

from narration.broker.interface import Task
from narration.broker.wakeups import send_queued
from narration.database import call_after_commit, session_scope
from narration.jobs.lookup import get_artifacts, get_chunks, get_job
from narration.jobs.record import Artifact, Chunk, Job
from narration.storage.profiles import open_stores
from narration.sweeper import Sweeper
from narration.workers import Worker
from tests.builders import NOW, make_job, make_settings
from tests.fakes import RecordingBroker, ToneEngine, make_model
from worker.process import LoadedModel, WorkerProcess


class WorkerHarness:
    """A worker on a database, with a clock and a broker that the test controls."""

    def __init__(self, database: Engine, folder: Path, engine: Any = None, **parts: Any) -> None:
        self.database = database
        self.settings = make_settings(folder, **parts)
        self.stores = open_stores(self.settings)
        self.broker = RecordingBroker()
        call_after_commit(database, send_queued(self.broker))
        self.engine = engine or ToneEngine()
        self.now: datetime = NOW
        self.worker = self.new_worker(self.engine)
        self.sweeper = Sweeper(
            database=database,
            stores=self.stores,
            broker=self.broker,
            settings=self.settings.sweeper,
            clock=self.clock,
        )

    def clock(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass while the workers continue to report themselves."""
        self.now += timedelta(seconds=seconds)
        with session_scope(self.database) as session:
            session.execute(update(Worker).values(seen_at=self.now))

    def new_worker(self, engine: Any) -> WorkerProcess:
        return WorkerProcess(
            self.settings,
            database=self.database,
            stores=self.stores,
            broker=self.broker,
            queues=frozenset(("cpu", "gpu")),
            load_model=lambda _: engine if isinstance(engine, LoadedModel) else make_model(engine),
            clock=self.clock,
        )

    def submit(self, text: str, **settings: Any) -> str:
        with session_scope(self.database) as session:
            job = make_job(session, text, now=self.now, **settings)
        return job.id

    def deliver(self, *, worker: WorkerProcess | None = None, limit: int = 1000) -> None:
        """Deliver messages, and those they cause, until there are none."""
        for _ in range(limit):
            if not self.broker.sent:
                return
            task, ids = self.broker.sent.pop(0)
            (worker or self.worker).handlers[task](*ids)

    def deliver_only(self, task: Task) -> None:
        """Deliver the messages of one kind that are waiting, and none they cause."""
        waiting = [message for message in self.broker.take() if message[0] is task]
        for kind, ids in waiting:
            self.worker.handlers[kind](*ids)

    def job(self, job_id: str) -> Job:
        with session_scope(self.database, is_read_only=True) as session:
            return get_job(session, job_id)

    def chunks(self, job_id: str) -> list[Chunk]:
        with session_scope(self.database, is_read_only=True) as session:
            return get_chunks(session, job_id)

    def artifacts(self, job_id: str) -> dict[str, Artifact]:
        with session_scope(self.database, is_read_only=True) as session:
            return {artifact.name: artifact for artifact in get_artifacts(session, job_id)}

    def read(self, artifact: Artifact) -> bytes:
        return self.stores.work.get(artifact.key)

    def manifest(self, job_id: str) -> Any:
        return json.loads(self.read(self.artifacts(job_id)["manifest.json"]))

    def close(self) -> None:
        self.worker.close()
