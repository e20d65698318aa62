"""What a job waits for to be mended: a full disk, a store that is away, a worker that is not there.

Whoever meets a trouble notes it on the job; the next progress takes it away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import DiskFull, RhapsodeError, StorageFull
from narration.jobs.record import Job
from narration.jobs.states import ACTIVE, JobState

NO_WORKER = "no_worker"
WORTH_TELLING_AFTER_S = 60.0
# These do not pass by themselves.
TOLD_AT_ONCE = frozenset({DiskFull.code, StorageFull.code})
UNTROUBLED: dict[str, Any] = {
    "trouble_code": None,
    "trouble_detail": None,
    "trouble_since": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What many jobs wait for."""

    code: str
    jobs: int
    detail: str  # of one of them


def note_trouble(session: Session, job_id: str, error: RhapsodeError, *, now: datetime) -> None:
    """Note why a job does not go on; it keeps the moment at which the same trouble began."""
    is_same = Job.trouble_code == error.code
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(ACTIVE))
        .values(
            trouble_code=error.code,
            trouble_detail=str(error),
            trouble_since=case((is_same, Job.trouble_since), else_=now),
        ),
        execution_options=UNSYNCHRONIZED,
    )


def note_for_waiting(
    session: Session, code: str, detail: str, *, states: frozenset[JobState], now: datetime
) -> None:
    """Note a trouble on every job of some states that has none yet."""
    session.execute(
        update(Job)
        .where(Job.state.in_(states), Job.trouble_code.is_(None))
        .values(trouble_code=code, trouble_detail=detail, trouble_since=now),
        execution_options=UNSYNCHRONIZED,
    )


def clear_trouble(session: Session, code: str) -> None:
    """Take a trouble that is mended from every job."""
    session.execute(
        update(Job)
        .where(Job.state.in_(ACTIVE), Job.trouble_code == code)  # of ended ones nobody asks
        .values(**UNTROUBLED),
        execution_options=UNSYNCHRONIZED,
    )


def is_worth_telling(job: Job, now: datetime) -> bool:
    """Tell whether a job's trouble has gone on for long enough to be shown."""
    if job.trouble_code is None or job.trouble_since is None or job.state not in ACTIVE:
        return False
    return job.trouble_code in TOLD_AT_ONCE or now - job.trouble_since >= _grace()


def list_troubles(session: Session, *, now: datetime) -> list[Trouble]:
    """Return what jobs wait for at this moment and is worth telling, by code."""
    is_old = Job.trouble_since <= now - _grace()
    query = (
        select(Job.trouble_code, func.count(), func.max(Job.trouble_detail))
        .where(Job.state.in_(ACTIVE), Job.trouble_code.is_not(None))
        .where(is_old | Job.trouble_code.in_(TOLD_AT_ONCE))
        .group_by(Job.trouble_code)
        .order_by(Job.trouble_code)
    )
    rows = session.execute(query).all()
    return [Trouble(code=code or "", jobs=jobs, detail=detail or "") for code, jobs, detail in rows]


def _grace() -> timedelta:
    return timedelta(seconds=WORTH_TELLING_AFTER_S)
