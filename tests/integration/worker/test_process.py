"""What a station says of itself at its heartbeats, and how much it takes on at once."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration import workers
from narration.broker.interface import Task
from narration.database import session_scope
from narration.settings import WorkerSettings
from narration.workers import WorkerState
from tests.builders import make_text
from tests.cluster import wait_for
from tests.studio import Studio
from worker.process import slots_for


def test_worker_whose_engine_died_is_not_ready_any_more(
    sqlite_database: Engine, tmp_path: Path
) -> None:
    studio = Studio(sqlite_database, tmp_path, worker={"heartbeat_s": 0.05})
    assert warm(studio) == [WorkerState.READY]
    studio.engine.close()
    wait_for(lambda: not warm(studio), 10, "worker that says its engine is dead")
    assert studio.station.has_died.is_set()
    studio.close()


@pytest.mark.parametrize(("asked", "slots"), [(None, 12), (3, 3)])
def test_worker_has_as_many_slots_as_keep_its_engine_busy(
    sqlite_database: Engine, tmp_path: Path, asked: int | None, slots: int
) -> None:
    worker = {"slots": asked, "segment_chunks": 4}
    studio = Studio(sqlite_database, tmp_path, worker=worker)  # whose engine takes 32 chunks
    with session_scope(studio.database) as session:
        assert workers.count_slots(session, now=studio.now) == slots
    assert studio.station.slots == slots
    studio.close()


@pytest.mark.parametrize(
    ("appetite", "slots"),
    [(10, 4), (512 + 2 * 55, 59)],  # two cores; 80 GB
)
def test_slots_follow_the_engine(appetite: int, slots: int) -> None:
    assert slots_for(appetite, WorkerSettings()) == slots


def test_a_planned_job_wakes_one_worker_per_segment(
    sqlite_database: Engine, tmp_path: Path
) -> None:
    studio = Studio(sqlite_database, tmp_path, worker={"segment_chunks": 2, "window_segments": 3})
    for sentences, wakeups in ((2, 1), (40, 3)):
        studio.submit(make_text(sentences, name=str(sentences)))
        studio.deliver_only(Task.PLAN)
        assert [task for task, _ in studio.broker.take()] == [Task.RENDER] * wakeups
    studio.close()


def warm(studio: Studio) -> list[WorkerState]:
    with session_scope(studio.database, is_read_only=True) as session:
        return [worker.state for worker in workers.warm_workers(session, now=studio.now)]
