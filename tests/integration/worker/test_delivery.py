"""What reaches the bucket when workers are lost, frozen or late in the middle of a delivery."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.database import session_scope
from narration.errors import LeaseLost, OutputError, StorageUnavailable
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.states import JobState
from narration.jobs.step_claim import StepClaim, claim_step
from narration.storage.directory import DirectoryStorage
from narration.storage.interface import Stored
from narration.storage.keys import job_folder
from narration.storage.profiles import Stores
from tests.builders import NOW, OWNER, make_text
from tests.harness import WorkerHarness
from worker.assembly import programme
from worker.assembly.delivery import _deliver, _publish, _read, assemble_job
from worker.assembly.part_store import PartStore
from worker.context import WorkerContext


class Steady:
    """A lease that is never lost."""

    def check(self) -> None:
        """The lease is still held."""


class FlakyStorage(DirectoryStorage):
    """Refuses a given number of puts."""

    failures = 0

    def put(self, key: str, *arguments: Any, **options: Any) -> Stored:
        if self.failures > 0:
            self.failures -= 1
            raise StorageUnavailable("the store is away")
        return super().put(key, *arguments, **options)


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path, worker={"step_tries": 3})
    yield harness
    harness.close()


@pytest.fixture
def rendered(harness: WorkerHarness) -> str:
    """A job whose chunks are all spoken; its message to be assembled has been lost."""
    job_id = harness.submit(make_text(2))
    harness.deliver_only(Task.PLAN)
    harness.deliver_only(Task.RENDER)
    harness.broker.take()
    return job_id


def claim(harness: WorkerHarness, job_id: str) -> StepClaim:
    with session_scope(harness.database) as session:
        found = claim_step(
            session,
            job_id,
            JobState.ASSEMBLING,
            holder="w",
            until=place(harness).leases.until(),
            now=harness.now,
        )
    assert found is not None
    return found


def place(harness: WorkerHarness) -> WorkerContext:
    return harness.worker._context


def deliver_and_vanish(harness: WorkerHarness, held: StepClaim) -> None:
    """Assemble up to the manifest, but never record the end of the job."""
    material = _read(place(harness), held)
    store = harness.stores.work
    _publish(store, _deliver(place(harness), held, Steady(), material, store))


def objects(harness: WorkerHarness, job_id: str) -> list[str]:
    return sorted(found.key for found in harness.stores.work.find(job_folder("", job_id)))


def test_worker_lost_after_its_manifest_has_delivered(
    harness: WorkerHarness, rendered: str
) -> None:
    deliver_and_vanish(harness, claim(harness, rendered))
    before = objects(harness, rendered)
    harness.wait(10)
    harness.broker.send(Task.ASSEMBLE, rendered)
    harness.deliver()
    assert harness.job(rendered).state is JobState.SUCCEEDED
    assert objects(harness, rendered) == before
    keys = {artifact.key for artifact in harness.artifacts(rendered).values()}
    assert sorted(keys) == before


def test_late_worker_takes_back_what_it_wrote(harness: WorkerHarness, rendered: str) -> None:
    late = claim(harness, rendered)
    harness.wait(10)
    harness.broker.send(Task.ASSEMBLE, rendered)
    harness.deliver()
    delivered = objects(harness, rendered)
    with pytest.raises(LeaseLost):
        assemble_job(place(harness), late, Steady())
    assert objects(harness, rendered) == delivered
    assert harness.job(rendered).state is JobState.SUCCEEDED


def test_next_attempt_replaces_the_manifest_of_a_canceled_one(
    harness: WorkerHarness, rendered: str
) -> None:
    first = claim(harness, rendered)
    deliver_and_vanish(harness, first)
    with session_scope(harness.database) as session:
        cancel_job(session, rendered, owner=OWNER, now=harness.now)
        retry_job(session, rendered, owner=OWNER, now=harness.now)
    harness.broker.send(Task.PLAN, rendered)
    harness.deliver()
    manifest = harness.manifest(rendered)
    assert manifest["attempt"] == 2
    assert all(
        key.startswith((manifest["folder"], manifest["key"])) for key in objects(harness, rendered)
    )


def test_job_canceled_while_it_is_assembled_delivers_nothing(
    harness: WorkerHarness, rendered: str
) -> None:
    held = claim(harness, rendered)
    with session_scope(harness.database) as session:
        cancel_job(session, rendered, owner=OWNER, now=harness.now)

    class Lost:
        def check(self) -> None:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        assemble_job(place(harness), held, Lost())
    assert objects(harness, rendered) == []


def test_lossless_files_are_given_up_when_another_output_fails(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()

    def write_for_ever(_: Path, sounds: Iterator[object], *__: Any, **___: Any) -> None:
        for _sound in sounds:
            began.set()

    def fail(*_: Any, **__: Any) -> None:
        assert began.wait(10)
        raise OutputError("no m4b")

    monkeypatch.setattr(PartStore, "make_stretches", lambda *_, **__: (n for n in count()))
    monkeypatch.setattr(programme, "write_lossless", write_for_ever)
    monkeypatch.setattr(programme, "join_parts", fail)
    job_id = harness.submit(make_text(2), outputs=["m4b", "flac"])
    harness.deliver()
    job = harness.job(job_id)
    assert job.error is not None
    assert "no m4b" in job.error.message


def flaky(harness: WorkerHarness, failures: int) -> FlakyStorage:
    store = FlakyStorage(harness.settings.objects_dir)
    store.failures = failures
    harness.stores = Stores(profiles={"default": store}, work=store)
    harness.worker.close()
    harness.worker = harness.new_worker(harness.engine)
    return store


def test_store_that_comes_back_costs_only_time(harness: WorkerHarness, rendered: str) -> None:
    flaky(harness, failures=2)
    for _ in range(3):
        harness.wait(10)
        harness.broker.send(Task.ASSEMBLE, rendered)
        harness.deliver()
    assert harness.job(rendered).state is JobState.SUCCEEDED


def test_store_that_stays_away_is_waited_for_and_told(
    harness: WorkerHarness, rendered: str
) -> None:
    store = flaky(harness, failures=1000)
    for _ in range(20):
        harness.wait(20)
        harness.broker.send(Task.ASSEMBLE, rendered)
        harness.deliver()
    job = harness.job(rendered)
    assert job.state is JobState.ASSEMBLING
    assert job.trouble_code == "storage_unavailable"
    assert job.trouble_since == NOW + timedelta(seconds=20)
    store.failures = 0
    harness.wait(20)
    harness.broker.send(Task.ASSEMBLE, rendered)
    harness.deliver()
    job = harness.job(rendered)
    assert (job.state, job.trouble_code) == (JobState.SUCCEEDED, None)


def test_manifest_accounts_for_every_character(harness: WorkerHarness) -> None:
    text = "# Title\n\nFirst words of it.\n\n```\ncode = 1\n```\n\n* * *\n\nLast words of it.\n"
    job_id = harness.submit(text, name="tale.md")
    harness.deliver()
    manifest = harness.manifest(job_id)
    covered = [(c["start"], c["end"]) for c in manifest["chunks"] + manifest["skipped"]]
    silent = set(range(len(text))) - {i for start, end in covered for i in range(start, end)}
    assert all(text[i].isspace() for i in silent)
    assert {skip["reason"] for skip in manifest["skipped"]} >= {"code"}
