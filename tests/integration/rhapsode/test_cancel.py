"""A job canceled while it is spoken, with the real engine and a tiny model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.control import cancel_job
from narration.jobs.lookup import get_job
from narration.jobs.record import Job
from narration.jobs.states import ENDED, JobState
from rhapsode.machine import Machine, open_machine
from tests.builders import OWNER, make_job, make_settings, make_text
from tests.cluster import wait_for
from worker.model import load_model


@pytest.fixture
def machine(tiny: Path, tmp_path: Path) -> Iterator[Machine]:
    settings = make_settings(tmp_path, model={"checkpoint": str(tiny)})
    with open_machine(settings, load_model) as machine:
        yield machine


def test_the_job_after_a_canceled_one_succeeds(machine: Machine) -> None:
    canceled = submit(machine, make_text(100))
    wait_for(lambda: read(machine, canceled).chunks_done > 0, 60, "a first chunk")
    with session_scope(machine.database) as session:
        cancel_job(session, canceled, owner=OWNER, now=utc_now())
    following = submit(machine, "And then it was quiet.")
    wait_for(lambda: read(machine, following).state in ENDED, 60, "the job after it")
    assert read(machine, canceled).state is JobState.CANCELED
    assert read(machine, following).state is JobState.SUCCEEDED


def submit(machine: Machine, text: str) -> str:
    with session_scope(machine.database) as session:
        job = make_job(session, text, now=utc_now())
    return job.id


def read(machine: Machine, job_id: str) -> Job:
    with session_scope(machine.database, is_read_only=True) as session:
        return get_job(session, job_id)
