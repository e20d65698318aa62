"""A new job begins even while other jobs have all ordinary places of a worker."""

import pytest

from narration.broker.interface import Task
from narration.database import session_scope
from tests.builders import LEASE, claim_segment, make_text
from tests.harness import WorkerHarness
from worker.rendering.places import Places


def test_only_jobs_without_a_segment_in_work_get_a_place_beside_the_ordinary_ones(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = harness.submit(make_text(4))
    harness.deliver_only(Task.PLAN)
    with session_scope(harness.database) as session:
        claim = claim_segment(session, now=harness.clock(), until=harness.clock() + LEASE)
    monkeypatch.setattr(harness.worker._runner, "_places", Places(0))
    harness.worker.handlers[Task.RENDER]()
    assert harness.job(book).chunks_done == 0
    article = harness.submit(make_text(2, name="an article"))
    harness.deliver_only(Task.PLAN)
    harness.worker.handlers[Task.RENDER]()
    assert harness.job(article).chunks_done == 1
    assert claim is not None


def test_a_job_of_low_priority_gets_no_place_beside_the_ordinary_ones(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = harness.submit(make_text(2), priority=4)
    harness.deliver_only(Task.PLAN)
    monkeypatch.setattr(harness.worker._runner, "_places", Places(0))
    harness.worker.handlers[Task.RENDER]()
    assert harness.job(job_id).chunks_done == 0
