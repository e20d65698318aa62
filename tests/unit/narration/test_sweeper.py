"""The sweeper outlives whatever it meets, and forgets nothing that still lies in a store."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from narration.database import session_scope
from narration.errors import OutputError, StorageUnavailable, TransientError
from narration.jobs.record import ChunkAudio
from narration.storage.directory import DirectoryStorage
from narration.storage.keys import chunk_audio_key
from narration.storage.profiles import Stores, open_stores
from narration.sweeper import Sweeper
from tests.builders import NOW, make_settings
from tests.fakes import RecordingBroker

SHA256 = "a" * 64


class AbsentStorage(DirectoryStorage):
    """A store that has gone away."""

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
            findings=[], created_at=long_ago, used_at=long_ago,
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
        if len(readings) > 1:  # the first one is taken before the first turn
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
