"""The sweeper survives any error, and forgets no object that is still in a store."""

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from structlog.testing import capture_logs

from narration import workers
from narration.database import session_scope
from narration.errors import OutputError, StorageUnavailable, TransientError
from narration.jobs.create import Destination
from narration.jobs.kept_plan import KeptPlan
from narration.jobs.lookup import get_job
from narration.jobs.plans import Planner, plan_document
from narration.jobs.request import JobSettings
from narration.jobs.sound_record import ChunkAudio
from narration.jobs.states import JobState
from narration.jobs.submission import Submission
from narration.keys.lookup import find_key, find_session, open_session
from narration.keys.manage import NewKey, make_key
from narration.storage.directory import DirectoryStorage
from narration.storage.keys import chunk_audio_key
from narration.storage.profiles import Stores, open_stores
from narration.sweeper import Sweeper
from narration.workers import WorkerState
from tests.builders import NOW, make_job, make_settings
from tests.cluster import wait_for
from tests.fakes import RecordingBroker

SHA256 = "a" * 64


class AbsentStorage(DirectoryStorage):
    """A store that is unavailable."""

    def delete(self, key: str) -> None:
        raise StorageUnavailable(key)


@pytest.fixture
def sweeper(sqlite_database: Engine, tmp_path: Path) -> Sweeper:
    settings = make_settings(tmp_path / "data", sweeper={"interval_s": 0.01})
    return Sweeper(
        database=sqlite_database,
        stores=open_stores(settings),
        broker=RecordingBroker(),
        settings=settings.sweeper,
        clock=lambda: NOW,
    )


def add_old_sound(sweeper: Sweeper) -> None:
    sweeper.stores.work.put(chunk_audio_key(SHA256), b"sound")
    long_ago = NOW - timedelta(days=1000)
    with session_scope(sweeper.database) as session:
        row = ChunkAudio(
            owner="local", cache_key="k" * 64, sha256=SHA256, samples=1, is_watermarked=False,
            findings=(), created_at=long_ago, used_at=long_ago,
        )  # fmt: skip
        session.add(row)


def count_sounds(sweeper: Sweeper) -> int:
    with session_scope(sweeper.database, is_read_only=True) as session:
        return session.execute(select(func.count()).select_from(ChunkAudio)).scalar_one()


@pytest.mark.parametrize("error", [TransientError(), OutputError(), ValueError("a bug")])
def test_a_turn_that_fails_is_followed_by_another(sweeper: Sweeper, error: Exception) -> None:
    stop = threading.Event()
    readings: list[datetime] = []

    def read_clock() -> datetime:
        readings.append(NOW)
        if len(readings) == 3:
            stop.set()
        if len(readings) > 1:  # the first one is read before the first round
            raise error
        return NOW

    replace(sweeper, clock=read_clock).run(stop)
    assert len(readings) == 3


def test_an_old_sound_goes_with_its_row(sweeper: Sweeper) -> None:
    add_old_sound(sweeper)
    sweeper.purge()
    assert sweeper.stores.work.stat(chunk_audio_key(SHA256)) is None
    assert count_sounds(sweeper) == 0


def test_a_sound_in_an_absent_store_keeps_its_row(sweeper: Sweeper, tmp_path: Path) -> None:
    add_old_sound(sweeper)
    absent = Stores(work=AbsentStorage(tmp_path / "data"), profiles={})
    with pytest.raises(StorageUnavailable):
        replace(sweeper, stores=absent).purge()
    assert count_sounds(sweeper) == 1


class Watch:
    """A dependency that does not answer."""

    def __init__(self, **reasons: str) -> None:
        self._reasons = reasons

    def reason(self, name: str) -> str | None:
        return self._reasons.get(name)


def trouble_of(sweeper: Sweeper, job_id: str) -> str | None:
    with session_scope(sweeper.database, is_read_only=True) as session:
        return get_job(session, job_id).trouble_code


def test_broker_that_is_away_is_noted_on_jobs_until_it_is_back(sweeper: Sweeper) -> None:
    with session_scope(sweeper.database) as session:
        job_id = make_job(session).id
    watch: Any = Watch(broker="refused")
    replace(sweeper, watch=watch).sweep()
    assert trouble_of(sweeper, job_id) == "broker_unavailable"
    sweeper.sweep()
    assert trouble_of(sweeper, job_id) is None


def test_job_that_no_worker_could_speak_says_so_until_one_is_warm(sweeper: Sweeper) -> None:
    with session_scope(sweeper.database) as session:
        job = make_job(session)
        job.state = JobState.RENDERING
    sweeper.sweep()
    assert trouble_of(sweeper, job.id) == "no_worker"
    with session_scope(sweeper.database) as session:
        workers.register(session, "w1", slots=1, now=NOW)
        workers.report(session, "w1", state=WorkerState.READY, slots=1, now=NOW)
    sweeper.sweep()
    assert trouble_of(sweeper, job.id) is None


def test_sweeper_is_ready_after_its_first_round_and_says_a_trouble_once(
    sweeper: Sweeper,
) -> None:
    with sweeper.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere")
    stop = threading.Event()
    with capture_logs() as events:
        running = threading.Thread(target=sweeper.run, args=(stop,))
        running.start()
        wait_for(lambda: sweeper.health.report().awaits, 5, "reason")
        time.sleep(0.2)
        with sweeper.database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO jobs")
        assert sweeper.health.wait(5).is_ready
        stop.set()
        running.join()
    warnings = [event["event"] for event in events if event["event"].startswith("sweep_failed")]
    assert warnings == ["sweep_failed", "sweep_failed_over"]


def test_plans_go_with_their_documents_when_their_time_is_over(sweeper: Sweeper) -> None:
    settings = make_settings(Path("unused"))
    planner = Planner(
        database=sweeper.database,
        stores=sweeper.stores,
        limits=settings.limits.model_copy(update={"inline_source_bytes": 1}),
        plan=partial(plan_document, settings.limits),
        clock=lambda: NOW - timedelta(days=1, seconds=1),
    )
    submission = Submission(
        owner="local",
        name="a.txt",
        media_type=None,
        data=b"It rained.",
        settings=JobSettings(),
        destination=Destination(profile="default"),
    )
    old = planner.make(submission)
    young = replace(planner, clock=lambda: NOW).make(submission)
    sweeper.purge()
    assert old.source_key is not None
    assert sweeper.stores.work.stat(old.source_key) is None
    with session_scope(sweeper.database) as session:
        assert list(session.scalars(select(KeptPlan.id))) == [young.id]


def test_sessions_that_have_expired_are_deleted(sweeper: Sweeper) -> None:
    new = NewKey(owner="ann", name="page")
    with session_scope(sweeper.database) as session:
        new_key = make_key(session, new, now=NOW)
        key = find_key(session, new_key.secret)
        assert key is not None
        ended = open_session(session, key, lasts_s=60, now=NOW - timedelta(minutes=1))
        lasting = open_session(session, key, lasts_s=60, now=NOW)
    sweeper.purge()
    with session_scope(sweeper.database, is_read_only=True) as session:
        assert find_session(session, ended) is None
        assert find_session(session, lasting) is not None
