"""A worker joins the parts that it encoded itself without asking the bucket for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.jobs.states import JobState
from narration.storage.keys import PARTS
from tests.builders import make_text
from tests.harness import WorkerHarness
from tests.servers import SeaweedFS

SENTENCES = 8  # a minute of tones: parts of 5, 10, 20 and 60 s
SETTINGS: dict[str, Any] = {"outputs": ["m4b", "mp3"]}


@pytest.fixture(params=[0])
def harness(
    request: pytest.FixtureRequest, sqlite_database: Engine, tmp_path: Path, seaweedfs: SeaweedFS
) -> Iterator[WorkerHarness]:
    profile = seaweedfs.profile(seaweedfs.new_bucket())
    worker = {"scratch_dir": tmp_path, "scratch_gb": 0.1, "encoders": request.param}
    harness = WorkerHarness(
        sqlite_database,
        tmp_path,
        storage={"profiles": {"default": profile.model_dump()}},
        worker=worker,
    )
    yield harness
    harness.close()


def parts_read(harness: WorkerHarness) -> list[str]:
    """Return a list to which the keys of parts are added when the bucket is asked for them."""
    read: list[str] = []
    store = harness.worker._context.stores.work
    store._client.meta.events.register(
        "provide-client-params.s3.GetObject",
        lambda params, **_: read.append(params["Key"]) if params["Key"].startswith(PARTS) else None,
    )
    return read


def copies(folder: Path) -> list[Path]:
    return list(folder.glob("rhapsode-scratch-*/kept/*"))


def test_a_part_is_joined_from_the_copy_of_who_encoded_it(
    harness: WorkerHarness, tmp_path: Path
) -> None:
    read = parts_read(harness)
    job_id = harness.submit(make_text(SENTENCES), **SETTINGS)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert read == []
    assert copies(tmp_path) == []
    assert list(harness.stores.work.find(PARTS))  # for listeners and other workers


def test_a_damaged_copy_is_not_joined(harness: WorkerHarness, tmp_path: Path) -> None:
    read = parts_read(harness)
    job_id = harness.submit(make_text(SENTENCES), **SETTINGS)
    while (message := harness.broker.sent[0])[0] is not Task.ASSEMBLE:
        harness.broker.sent.pop(0)
        harness.worker.handlers[message[0]](*message[1])
    assert copies(tmp_path)
    for copy in copies(tmp_path):
        copy.write_bytes(b"not what was kept")
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert read


@pytest.mark.parametrize("harness", [16], indirect=True, ids=["many encoders"])
def test_encoders_fetch_the_parts_of_earlier_jobs(harness: WorkerHarness) -> None:
    first = harness.submit(make_text(SENTENCES), **SETTINGS)
    harness.deliver()
    read = parts_read(harness)
    again = harness.submit(make_text(SENTENCES), **SETTINGS)
    harness.deliver()
    assert read == []
    files = [
        {name: artifact.sha256 for name, artifact in harness.artifacts(job_id).items()}
        for job_id in (first, again)
    ]
    assert files[0] | {"manifest.json": ""} == files[1] | {"manifest.json": ""}
