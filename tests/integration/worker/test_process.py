"""What a worker reports at its heartbeats, how much work it takes at once, and what it keeps."""

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete

from narration import workers
from narration.broker.interface import Task
from narration.database import session_scope
from narration.jobs.control import cancel_job
from narration.jobs.states import JobState
from narration.settings import WorkerSettings
from narration.workers import WorkerState
from tests.builders import OWNER, make_text
from tests.cluster import wait_for
from tests.fakes import ToneEngine
from tests.harness import WorkerHarness
from worker.engine.types import Speech, Utterance
from worker.rendering.places import slots_for


def test_worker_whose_engine_died_is_not_ready_any_more(
    sqlite_database: Engine, tmp_path: Path
) -> None:
    harness = WorkerHarness(sqlite_database, tmp_path, worker={"heartbeat_s": 0.05})
    assert warm(harness) == [WorkerState.READY]
    harness.engine.close()
    wait_for(lambda: not warm(harness), 10, "worker that says its engine is dead")
    assert harness.worker.has_died.is_set()
    harness.close()


@pytest.mark.parametrize(("asked", "slots"), [(None, 12), (3, 3)])
def test_worker_has_as_many_slots_as_keep_its_engine_busy(
    sqlite_database: Engine, tmp_path: Path, asked: int | None, slots: int
) -> None:
    worker = {"slots": asked, "segment_chunks": 4}
    # Its engine takes 32 chunks.
    harness = WorkerHarness(sqlite_database, tmp_path, worker=worker)
    with session_scope(harness.database) as session:
        assert workers.count_slots(session, now=harness.now) == slots
    assert harness.worker.slots == slots
    harness.close()


@pytest.mark.parametrize(
    ("target_concurrency", "slots"),
    [(10, 4), (512 + 2 * 55, 59)],  # two cores; 80 GB
)
def test_slots_follow_the_engine(target_concurrency: int, slots: int) -> None:
    assert slots_for(target_concurrency, WorkerSettings()) == slots


@pytest.mark.parametrize(("slots", "most"), [(2, 2), (8, 3)], ids=["few slots", "many slots"])
def test_a_planned_job_wakes_a_slot_per_segment_within_its_window(
    sqlite_database: Engine, tmp_path: Path, slots: int, most: int
) -> None:
    harness = WorkerHarness(
        sqlite_database,
        tmp_path,
        worker={"segment_chunks": 2, "window_segments": 3, "slots": slots},
    )
    for sentences, wakeups in ((2, 1), (40, most)):
        harness.submit(make_text(sentences, name=str(sentences)))
        harness.deliver_only(Task.PLAN)
        assert [task for task, _ in harness.broker.take()] == [Task.RENDER] * wakeups
    harness.close()


def test_a_job_planned_before_any_worker_speaks_wakes_for_its_whole_window(
    sqlite_database: Engine, tmp_path: Path
) -> None:
    harness = WorkerHarness(
        sqlite_database, tmp_path, worker={"segment_chunks": 2, "window_segments": 3}
    )
    with session_scope(sqlite_database) as session:
        session.execute(delete(workers.Worker))
    harness.submit(make_text(40))
    harness.deliver_only(Task.PLAN)
    assert [task for task, _ in harness.broker.take()] == [Task.RENDER] * 3
    harness.close()


class WatchedEngine(ToneEngine):
    """Knows which of its waveforms are still in memory."""

    def __init__(self, *, chunk_s: float) -> None:
        super().__init__(chunk_s=chunk_s)
        self.waveforms: list[weakref.ref[Any]] = []
        self.on_fifth: Any = lambda: None

    def _speak(self, utterance: Utterance) -> Speech:
        speech = super()._speak(utterance)
        self.waveforms.append(weakref.ref(speech.waveform))
        if len(self.waveforms) == 5:
            self.on_fifth()
        return speech

    def held(self) -> int:
        return sum(waveform() is not None for waveform in self.waveforms)


@pytest.mark.parametrize("take_processes", [0, 1])
@pytest.mark.parametrize(
    ("segment_chunks", "is_canceled"), [(4, False), (60, True)], ids=["spoken", "canceled"]
)
def test_sounds_are_freed_without_the_garbage_collector(
    sqlite_database: Engine,
    tmp_path: Path,
    take_processes: int,
    segment_chunks: int,
    is_canceled: bool,
) -> None:
    engine = WatchedEngine(chunk_s=0.01)
    worker = {"segment_chunks": segment_chunks, "take_processes": take_processes}
    harness = WorkerHarness(sqlite_database, tmp_path, engine, worker=worker)
    job_id = harness.submit(make_text(60))

    def cancel() -> None:
        with session_scope(sqlite_database) as session:
            cancel_job(session, job_id, owner=OWNER, now=harness.now)

    if is_canceled:
        engine.on_fifth = cancel
    gc.disable()
    try:
        harness.deliver()
        # Those under way when a job is canceled are freed a little later.
        wait_for(lambda: not engine.held(), 10, "sounds to be freed")
    finally:
        gc.enable()
    harness.close()
    assert len(engine.waveforms) > 4
    state = JobState.CANCELED if is_canceled else JobState.SUCCEEDED
    assert harness.job(job_id).state is state


def warm(harness: WorkerHarness) -> list[WorkerState]:
    with session_scope(harness.database, is_read_only=True) as session:
        return [worker.state for worker in workers.warm_workers(session, now=harness.now)]
