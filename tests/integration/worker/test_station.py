"""What a station says of itself at its heartbeats."""

from pathlib import Path

from sqlalchemy import Engine

from narration import workers
from narration.db import session_scope
from narration.lifecycle import WorkerState
from tests.cluster import wait_for
from tests.studio import Studio


def test_worker_whose_engine_died_is_not_ready_any_more(
    sqlite_database: Engine, tmp_path: Path
) -> None:
    studio = Studio(sqlite_database, tmp_path, worker={"heartbeat_s": 0.05})
    assert warm(studio) == [WorkerState.READY]
    studio.engine.close()
    wait_for(lambda: not warm(studio), 10, "worker that says its engine is dead")
    assert studio.station.has_died.is_set()
    studio.close()


def warm(studio: Studio) -> list[WorkerState]:
    with session_scope(studio.database, is_read_only=True) as session:
        return [worker.state for worker in workers.warm_workers(session, now=studio.now)]
