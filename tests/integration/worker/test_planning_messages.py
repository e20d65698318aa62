"""One message may name several jobs that are to be planned."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.database import session_scope
from narration.jobs.control import cancel_job
from tests.builders import OWNER, make_text
from tests.harness import WorkerHarness
from worker import tasks


def test_all_jobs_that_a_message_names_are_planned(harness: WorkerHarness) -> None:
    ids = [harness.submit(make_text(1)) for _ in range(3)]
    harness.broker.take()
    with session_scope(harness.database) as session:
        cancel_job(session, ids[0], owner=OWNER, now=harness.clock())
    harness.broker.send(Task.PLAN, "job_of_nobody", *ids)
    harness.deliver()
    assert [harness.job(id_).state for id_ in ids] == ["canceled", "succeeded", "succeeded"]


def test_a_job_that_cannot_be_claimed_keeps_none_of_its_message_waiting(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [harness.submit(make_text(1)) for _ in range(3)]
    harness.broker.take()
    claim = tasks.claim_step

    def refuse(session: Session, job_id: str, *arguments: Any, **named: Any) -> Any:
        if job_id == ids[0]:
            raise ValueError("a row that nobody understands")
        return claim(session, job_id, *arguments, **named)

    monkeypatch.setattr(tasks, "claim_step", refuse)
    harness.broker.send(Task.PLAN, *ids)
    with pytest.raises(ValueError, match="nobody understands"):
        harness.deliver()
    harness.deliver()
    assert [harness.job(id_).state for id_ in ids] == ["queued", "succeeded", "succeeded"]
