"""Requested and spoken amounts by day and key, taken from the rows of jobs while these exist.

Nothing is written while a job is created or spoken. When its row is deleted, its amounts are added
to its day; so a day's usage is the sum of both.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from narration.database import UtcDay
from narration.ids import first_id
from narration.jobs.record import Job
from narration.keys.record import ApiKey, UsageDay

MAX_DAYS = 92
NO_KEY = ""
Row: TypeAlias = tuple[str, str, str | None, int, int, int]  # day, owner, key, and counts
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One day of a key; `key_id` and `key_name` are None for keys of the environment.

    `characters`: of the documents, counted once they are planned.
    """

    day: str
    owner: str
    key_id: str | None
    key_name: str | None
    jobs: int
    characters: int
    audio_ms: int


def add_deleted(session: Session, job: Job) -> None:
    """Add the amounts of a job that is about to be deleted to its day."""
    insert = (
        postgresql.insert(UsageDay)
        if session.connection().dialect.name == "postgresql"
        else sqlite.insert(UsageDay)
    ).values(
        owner=job.owner,
        key_id=job.key_id or NO_KEY,
        day=f"{job.created_at:%Y-%m-%d}",
        jobs=1,
        characters=job.characters,
        audio_ms=job.audio_ms,
    )
    new = insert.excluded
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[UsageDay.owner, UsageDay.key_id, UsageDay.day],
            set_={
                "jobs": UsageDay.jobs + new.jobs,
                "characters": UsageDay.characters + new.characters,
                "audio_ms": UsageDay.audio_ms + new.audio_ms,
            },
        )
    )


def list_usage(
    session: Session, *, owner: str | None, first_day: date, last_day: date
) -> list[Usage]:
    """Return usage per day, newest first, by owner and key; all owners if `owner` is None.

    Raises: ValueError for more than MAX_DAYS, which callers refuse.
    """
    if last_day - first_day >= timedelta(days=MAX_DAYS):
        raise ValueError(f"usage is counted over at most {MAX_DAYS} days")
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for day, row_owner, key_id, *counts in [
        *_of_jobs(session, owner, first_day, last_day),
        *_of_deleted(session, owner, first_day, last_day),
    ]:
        total = sums[day, row_owner, key_id or NO_KEY]
        for index, count in enumerate(counts):
            total[index] += int(count)
    names = _names(session, {key_id for _, _, key_id in sums if key_id})
    return [
        Usage(
            day=day,
            owner=row_owner,
            key_id=key_id or None,
            key_name=names.get(key_id),
            jobs=jobs,
            characters=characters,
            audio_ms=audio_ms,
        )
        for (day, row_owner, key_id), (jobs, characters, audio_ms) in sorted(
            sums.items(), key=lambda item: (_descending(item[0][0]), item[0][1:])
        )
    ]


def _of_jobs(session: Session, owner: str | None, first_day: date, last_day: date) -> list[Row]:
    day = UtcDay(Job.created_at)
    # An id is older than its row by the time it takes to store the document: a day at most.
    query = (
        select(day, Job.owner, Job.key_id, func.count(), _sum(Job.characters), _sum(Job.audio_ms))
        .where(Job.id >= first_id("job", _midnight(first_day - ONE_DAY)))
        .where(Job.id < first_id("job", _midnight(last_day + ONE_DAY)))
        .where(Job.created_at >= _midnight(first_day))
        .where(Job.created_at < _midnight(last_day + ONE_DAY))
        .group_by(day, Job.owner, Job.key_id)
    )
    if owner is not None:
        query = query.where(Job.owner == owner)
    return [(*row,) for row in session.execute(query)]


def _of_deleted(session: Session, owner: str | None, first_day: date, last_day: date) -> list[Row]:
    columns = (UsageDay.day, UsageDay.owner, UsageDay.key_id)
    counts = (UsageDay.jobs, UsageDay.characters, UsageDay.audio_ms)
    days = UsageDay.day.between(first_day.isoformat(), last_day.isoformat())
    query = select(*columns, *counts).where(days)
    if owner is not None:
        query = query.where(UsageDay.owner == owner)
    return [(*row,) for row in session.execute(query)]


def _names(session: Session, key_ids: set[str]) -> dict[str, str]:
    rows = session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(key_ids)))
    return dict(rows.all())


def _sum(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _descending(day: str) -> int:
    return -date.fromisoformat(day).toordinal()
