"""A database of every released schema is migrated to the current one without losing data."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, select

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.events import list_events
from narration.jobs.lookup import get_artifacts, get_attempts, get_chunks, get_plan
from narration.jobs.record import Job
from narration.jobs.sound_record import ChunkAudio
from narration.jobs.states import ChunkState, JobState
from narration.jobs.stored import read_settings
from narration.jobs.takes import find_takes
from narration.migrate import is_current, migrate
from narration.voices.lookup import find_voice
from tests.builders import NOW, OWNER
from tests.servers import Postgres

RELEASED = Path(__file__).parents[2] / "data" / "released"


@pytest.fixture(params=["0001"])
def schema(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, schema: str, postgres: Postgres, tmp_path: Path
) -> Iterator[Engine]:
    script = (RELEASED / f"{schema}-{request.param}.sql").read_text()
    if request.param == "sqlite":
        path = tmp_path / "rhapsode.db"
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        url = f"sqlite:///{path}"
    else:
        url = postgres.new_database()
        statements = "\n".join(
            line for line in script.splitlines() if not line.startswith(("\\", "--"))
        )
        with psycopg.connect(url) as connection:
            connection.execute(statements.encode())
    migrate(url)
    engine = make_engine(url)
    yield engine
    engine.dispose()


def test_released_database_is_current_after_migrating(database: Engine) -> None:
    assert is_current(database)


def test_every_job_keeps_its_state_settings_and_rows(database: Engine) -> None:
    with session_scope(database, is_read_only=True) as session:
        jobs = {job.state: job for job in session.scalars(select(Job).order_by(Job.id.desc()))}
        assert set(jobs) == set(JobState)
        rendering = jobs[JobState.RENDERING]
        settings = read_settings(rendering.settings)
        assert (settings.quality.policy, settings.delivery.exaggeration) == ("strict", 0.7)
        states = [chunk.state for chunk in get_chunks(session, rendering.id)]
        assert states[:3] == [ChunkState.ACCEPTED, ChunkState.FLAGGED, ChunkState.RENDERING]
        assert get_chunks(session, rendering.id)[1].findings[0].limit == 4.0
        succeeded = jobs[JobState.SUCCEEDED]
        names = [artifact.name for artifact in get_artifacts(session, succeeded.id)]
        assert names == ["audio.flac", "manifest.json"]
        assert get_plan(session, succeeded.id).characters == 20
        queued = [job for job in session.scalars(select(Job)) if job.attempt == 2]
        assert [attempt.state for attempt in get_attempts(session, queued[0].id)] == ["failed"]


def test_chunk_cache_and_voices_are_kept(database: Engine) -> None:
    with session_scope(database) as session:
        key = session.scalars(select(ChunkAudio.cache_key)).first()
        assert key is not None
        assert find_takes(session, OWNER, [key], now=utc_now())[key].samples == 24_000
        voice = find_voice(session, OWNER, "narrator")
        assert voice is not None
        assert voice.recording_size_bytes == 5000


def test_jobs_of_before_go_on_and_tell_of_it(database: Engine) -> None:
    with session_scope(database) as session:
        job = session.scalars(select(Job).where(Job.state == JobState.RENDERING)).first()
        assert job is not None
        cancel_job(session, job.id, owner=OWNER, now=NOW)
        retry_job(session, job.id, owner=OWNER, now=NOW)
        events = list_events(session, job.id)
    types = [event.type for event in events]
    assert types[0] == "job.canceled"
    assert types[-1] == "job.queued"
    assert [event.number for event in events] == list(range(1, len(events) + 1))
