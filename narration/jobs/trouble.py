"""Why jobs are stuck: a full disk, a store that does not answer, no worker.

Whoever meets such a problem records it on the job; the job's next progress clears it.
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
SHOWN_AFTER_S = 60.0
# These do not resolve by themselves.
SHOWN_AT_ONCE = frozenset({DiskFull.code, StorageFull.code})
UNTROUBLED: dict[str, Any] = {
    "trouble_code": None,
    "trouble_detail": None,
    "trouble_since": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A problem that many jobs wait on."""

    code: str
    jobs: int
    detail: str  # from one of them


def record_trouble(session: Session, job_id: str, error: RhapsodeError, *, now: datetime) -> None:
    """Record why a job is stuck; the same problem as before keeps its start time."""
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


def record_for_waiting(
    session: Session, code: str, detail: str, *, states: frozenset[JobState], now: datetime
) -> None:
    """Record a problem on every job in some states that has none yet."""
    session.execute(
        update(Job)
        .where(Job.state.in_(states), Job.trouble_code.is_(None))
        .values(trouble_code=code, trouble_detail=detail, trouble_since=now),
        execution_options=UNSYNCHRONIZED,
    )


def clear_trouble(session: Session, code: str) -> None:
    """Clear a problem that is solved from every job."""
    session.execute(
        update(Job)
        .where(Job.state.in_(ACTIVE), Job.trouble_code == code)  # not shown for ended ones
        .values(**UNTROUBLED),
        execution_options=UNSYNCHRONIZED,
    )


def is_trouble_shown(job: Job, now: datetime) -> bool:
    """Return whether a job has been stuck for long enough to show why."""
    if job.trouble_code is None or job.trouble_since is None or job.state not in ACTIVE:
        return False
    return job.trouble_code in SHOWN_AT_ONCE or now - job.trouble_since >= _grace()


def list_troubles(session: Session, *, now: datetime) -> list[Trouble]:
    """Return the problems that are old enough to show, with the number of jobs each, by code."""
    is_old = Job.trouble_since <= now - _grace()
    query = (
        select(Job.trouble_code, func.count(), func.max(Job.trouble_detail))
        .where(Job.state.in_(ACTIVE), Job.trouble_code.is_not(None))
        .where(is_old | Job.trouble_code.in_(SHOWN_AT_ONCE))
        .group_by(Job.trouble_code)
        .order_by(Job.trouble_code)
    )
    rows = session.execute(query).all()
    return [Trouble(code=code or "", jobs=jobs, detail=detail or "") for code, jobs, detail in rows]


def _grace() -> timedelta:
    return timedelta(seconds=SHOWN_AFTER_S)
