"""What reaches the bucket when workers are lost, frozen or late in the middle of a delivery."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.database import session_scope
from narration.errors import LeaseLost, StorageUnavailable
from narration.jobs.states import JobState
from narration.jobs.step_claim import StepClaim, claim_step
from narration.jobs.transitions import cancel_job, retry_job
from narration.storage.directory import DirectoryStorage
from narration.storage.interface import Stored
from narration.storage.keys import job_folder
from narration.storage.profiles import Stores
from tests.builders import OWNER, make_text
from tests.studio import Studio
from worker.assembly.delivery import _deliver, _publish, _read, assemble_job
from worker.context import Workplace


class Steady:
    """A lease nobody takes away."""

    def check(self) -> None:
        """Still ours."""


class FlakyStorage(DirectoryStorage):
    """Refuses the next so many puts."""

    failures = 0

    def put(self, key: str, *arguments: Any, **options: Any) -> Stored:
        if self.failures > 0:
            self.failures -= 1
            raise StorageUnavailable("the store is away")
        return super().put(key, *arguments, **options)


@pytest.fixture
def studio(sqlite_database: Engine, tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(sqlite_database, tmp_path, worker={"step_tries": 3})
    yield studio
    studio.close()


@pytest.fixture
def rendered(studio: Studio) -> str:
    """A job whose chunks are all spoken; its message to be assembled has been lost."""
    job_id = studio.submit(make_text(2))
    studio.deliver_only(Task.PLAN)
    studio.deliver_only(Task.RENDER)
    studio.broker.take()
    return job_id


def claim(studio: Studio, job_id: str) -> StepClaim:
    with session_scope(studio.database) as session:
        found = claim_step(
            session,
            job_id,
            JobState.ASSEMBLING,
            holder="w",
            until=place(studio).leases.until(),
            now=studio.now,
        )
    assert found is not None
    return found


def place(studio: Studio) -> Workplace:
    return studio.station._place


def deliver_and_vanish(studio: Studio, held: StepClaim) -> None:
    """Assemble as far as the manifest; the job's end is never written."""
    material = _read(place(studio), held)
    store = studio.stores.work
    _publish(store, _deliver(place(studio), held, Steady(), material, store))


def objects(studio: Studio, job_id: str) -> list[str]:
    return sorted(found.key for found in studio.stores.work.find(job_folder("", job_id)))


def test_worker_lost_after_its_manifest_has_delivered(studio: Studio, rendered: str) -> None:
    deliver_and_vanish(studio, claim(studio, rendered))
    before = objects(studio, rendered)
    studio.wait(10)
    studio.broker.send(Task.ASSEMBLE, rendered)
    studio.deliver()
    assert studio.job(rendered).state is JobState.SUCCEEDED
    assert objects(studio, rendered) == before
    keys = {artifact.key for artifact in studio.artifacts(rendered).values()}
    assert sorted(keys) == before


def test_late_worker_takes_back_what_it_wrote(studio: Studio, rendered: str) -> None:
    late = claim(studio, rendered)
    studio.wait(10)
    studio.broker.send(Task.ASSEMBLE, rendered)
    studio.deliver()
    delivered = objects(studio, rendered)
    with pytest.raises(LeaseLost):
        assemble_job(place(studio), late, Steady())
    assert objects(studio, rendered) == delivered
    assert studio.job(rendered).state is JobState.SUCCEEDED


def test_next_attempt_replaces_the_manifest_of_a_canceled_one(
    studio: Studio, rendered: str
) -> None:
    first = claim(studio, rendered)
    deliver_and_vanish(studio, first)
    with session_scope(studio.database) as session:
        cancel_job(session, rendered, owner=OWNER, now=studio.now)
        retry_job(session, rendered, owner=OWNER, now=studio.now)
    studio.broker.send(Task.PLAN, rendered)
    studio.deliver()
    manifest = studio.manifest(rendered)
    assert manifest["attempt"] == 2
    assert all(
        key.startswith((manifest["folder"], manifest["key"])) for key in objects(studio, rendered)
    )


def test_job_canceled_while_it_is_assembled_delivers_nothing(studio: Studio, rendered: str) -> None:
    held = claim(studio, rendered)
    with session_scope(studio.database) as session:
        cancel_job(session, rendered, owner=OWNER, now=studio.now)

    class Lost:
        def check(self) -> None:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        assemble_job(place(studio), held, Lost())
    assert objects(studio, rendered) == []


def flaky(studio: Studio, failures: int) -> FlakyStorage:
    store = FlakyStorage(studio.settings.objects_dir)
    store.failures = failures
    studio.stores = Stores(profiles={"default": store}, work=store)
    studio.station.close()
    studio.station = studio.new_station(studio.engine)
    return store


def test_store_that_comes_back_costs_only_time(studio: Studio, rendered: str) -> None:
    flaky(studio, failures=2)
    for _ in range(3):
        studio.wait(10)
        studio.broker.send(Task.ASSEMBLE, rendered)
        studio.deliver()
    assert studio.job(rendered).state is JobState.SUCCEEDED


def test_store_that_stays_away_fails_the_job_with_its_code(studio: Studio, rendered: str) -> None:
    flaky(studio, failures=1000)
    for _ in range(3):
        studio.wait(10)
        studio.broker.send(Task.ASSEMBLE, rendered)
        studio.deliver()
    job = studio.job(rendered)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "storage_unavailable")
    assert job.error["is_retryable"]


def test_manifest_accounts_for_every_character(studio: Studio) -> None:
    text = "# Title\n\nFirst words of it.\n\n```\ncode = 1\n```\n\n* * *\n\nLast words of it.\n"
    job_id = studio.submit(text, name="tale.md")
    studio.deliver()
    manifest = studio.manifest(job_id)
    covered = [(c["start"], c["end"]) for c in manifest["chunks"] + manifest["skipped"]]
    silent = set(range(len(text))) - {i for start, end in covered for i in range(start, end)}
    assert all(text[i].isspace() for i in silent)
    assert {skip["reason"] for skip in manifest["skipped"]} >= {"code"}
