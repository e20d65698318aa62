"""What is counted as usage, on every database; subclasses provide a `database`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, update

from narration.database import session_scope
from narration.jobs.purge import delete_job
from narration.jobs.record import Job
from narration.jobs.states import JobState
from narration.jobs.usage import list_usage
from tests.builders import NOW, make_job, stores_in
from tests.contracts.keys import made

DAY = timedelta(days=1)


def spoken(database: Engine, **fields: Any) -> str:
    """A job that has ended: 1,000 characters, two seconds."""
    with session_scope(database) as session:
        job = make_job(session, **fields)
        counts = {"characters": 1000, "audio_ms": 2000, "state": JobState.SUCCEEDED}
        session.execute(update(Job).where(Job.id == job.id).values(**counts))
    return job.id


def usage(database: Engine, owner: str | None = "ann", **days: Any) -> list[Any]:
    first, last = days.get("first", NOW - DAY), days.get("last", NOW + DAY)
    with session_scope(database, is_read_only=True) as session:
        return [
            (used.day, used.owner, used.key_name, used.jobs, used.characters, used.audio_ms)
            for used in list_usage(
                session, owner=owner, first_day=first.date(), last_day=last.date()
            )
        ]


class UsageContract:
    def test_days_and_keys_are_told_apart(self, database: Engine) -> None:
        key = made(database).key.id
        for now in (NOW, NOW, NOW + DAY):
            spoken(database, owner="ann", key_id=key, now=now)
        spoken(database, owner="ann")
        spoken(database, owner="bob")
        assert usage(database) == [
            ("2026-01-03", "ann", "ci", 1, 1000, 2000),
            ("2026-01-02", "ann", None, 1, 1000, 2000),
            ("2026-01-02", "ann", "ci", 2, 2000, 4000),
        ]
        assert len(usage(database, owner=None)) == 4

    def test_deleted_jobs_still_count(self, database: Engine, tmp_path: Path) -> None:
        key = made(database).key.id
        jobs = [spoken(database, owner="ann", key_id=key) for _ in range(3)]
        jobs += [spoken(database, owner="ann") for _ in range(2)]
        before = usage(database)
        assert len(before) == 2
        for job_id in (*jobs[:2], jobs[-1]):
            with session_scope(database) as session:
                delete_job(session, stores_in(tmp_path), job_id, now=NOW)
            assert usage(database) == before

    def test_only_the_days_asked_for_are_told(self, database: Engine) -> None:
        midnight = NOW.replace(hour=0, minute=0, second=0)
        spoken(database, owner="ann", now=midnight)
        spoken(database, owner="ann", now=midnight - timedelta(seconds=1))
        assert [row[0] for row in usage(database)] == ["2026-01-02", "2026-01-01"]
        assert [row[0] for row in usage(database, first=NOW)] == ["2026-01-02"]
        assert [row[0] for row in usage(database, last=NOW - DAY)] == ["2026-01-01"]
        assert usage(database, first=NOW + DAY) == []
