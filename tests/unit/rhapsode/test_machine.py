"""The data directory of one machine: what makes it unusable, and what is left in it."""

from pathlib import Path

import pytest
from sqlalchemy import update

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.errors import OutputError
from narration.jobs.record import Job
from narration.jobs.states import JobState
from narration.settings import Settings
from rhapsode.machine import check_room, open_machine
from tests.builders import make_job, make_settings, make_text
from tests.fakes import ToneEngine, make_model
from worker.process import WARM_UP_TEXT, LoadedModel


def test_a_disk_with_room_is_worked_on(tmp_path: Path) -> None:
    check_room(tmp_path)


def test_a_disk_without_room_is_refused_before_a_model_is_loaded(small_disk: Path) -> None:
    loaded: list[Settings] = []

    def load(settings: Settings) -> LoadedModel:
        loaded.append(settings)
        return make_model()

    with (
        pytest.raises(OutputError, match="cramped is full: free some space"),
        open_machine(make_settings(small_disk), load),
    ):
        pass
    assert loaded == []


def test_unfinished_jobs_are_gone_on_with_before_a_sentence_that_nobody_hears(
    tmp_path: Path,
) -> None:
    settings = make_settings(tmp_path, worker={"is_warmed_up": True})
    assert WARM_UP_TEXT in spoken_while_open(settings)
    leave_job(settings, JobState.QUEUED)
    assert WARM_UP_TEXT not in spoken_while_open(settings)


def test_a_job_that_is_only_to_be_joined_does_not_warm_an_engine(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, worker={"is_warmed_up": True})
    spoken_while_open(settings)
    leave_job(settings, JobState.ASSEMBLING)
    assert WARM_UP_TEXT in spoken_while_open(settings)


def leave_job(settings: Settings, state: JobState) -> None:
    """Leave a job in a state, as a process that was lost."""
    database = make_engine(settings.database_url)
    with session_scope(database) as session:
        make_job(session, make_text(3), now=utc_now())
        session.execute(update(Job).values(state=state))
    database.dispose()


def spoken_while_open(settings: Settings) -> list[str]:
    engine = ToneEngine()
    with open_machine(settings, lambda _: make_model(engine)):
        pass
    return engine.spoken
