"""A book that was spoken before, with one sentence changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.broker.interface import Task
from narration.jobs.states import JobState
from tests.builders import make_text
from tests.harness import WorkerHarness

SENTENCES = 70  # a segment each: more than are ended in one transaction


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path, worker={"segment_chunks": 1})
    yield harness
    harness.close()


def test_all_but_the_changed_sentence_is_ended_at_once(harness: WorkerHarness) -> None:
    harness.submit(make_text(SENTENCES))
    harness.deliver()
    spoken = len(harness.engine.spoken)
    changed = harness.submit(make_text(SENTENCES).replace("Sentence 40 ", "Another sentence "))
    harness.deliver_only(Task.PLAN)
    harness.worker.handlers[Task.RENDER]()  # the first segment, which somebody may wait to hear
    assert harness.job(changed).chunks_done == 1
    harness.worker.handlers[Task.RENDER]()
    job = harness.job(changed)
    assert (job.state, job.chunks_done) == (JobState.RENDERING, job.chunks_total - 1)
    assert job.chunks_cached == job.chunks_done
    harness.worker.handlers[Task.RENDER]()
    harness.deliver()
    assert harness.job(changed).state is JobState.SUCCEEDED
    assert len(harness.engine.spoken) == spoken + 1


def test_new_text_is_left_to_those_who_speak_it(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(4))
    harness.deliver_only(Task.PLAN)
    for _ in range(2):
        harness.worker.handlers[Task.RENDER]()
    assert harness.job(job_id).chunks_done == 2
