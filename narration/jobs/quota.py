"""What a key may still submit: narrations in progress, and characters per day.

The database keeps count in the transaction that writes the job, so the count is exact however many
processes submit, and is rolled back with the job. The day's count is one number in the key's row,
so one statement checks and counts; keys without such limits cost nothing.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import DocumentError, LimitError
from narration.jobs.record import Job
from narration.jobs.states import ACTIVE, JobKind
from narration.keys.record import ApiKey
from narration.keys.scopes import Allowance

CHARACTERS = "characters"
JOBS = "jobs"
JOB_ENDS_S = 10  # how soon it is worth checking again whether a narration has ended


def require_place(session: Session, allowance: Allowance | None) -> None:
    """Check that a key may have one more narration, before its document is read.

    Raises: LimitError.
    """
    if allowance is None or allowance.queued_jobs is None:
        return
    under_way = select(func.count()).select_from(Job).where(Job.key_id == allowance.key_id)
    under_way = under_way.where(Job.state.in_(ACTIVE), Job.kind == JobKind.NARRATION)
    if session.execute(under_way).scalar_one() >= allowance.queued_jobs:
        raise LimitError(
            f"{allowance.queued_jobs:,} narrations of the key {allowance.key_name!r} have not "
            "ended, which is as many as it may have: wait for one",
            policy=JOBS,
            retry_after_s=JOB_ENDS_S,
        )


def require_left(session: Session, allowance: Allowance | None, *, now: datetime) -> None:
    """Check that a key may submit anything at all, before its document is read in vain.

    Raises: LimitError.
    """
    require_place(session, allowance)
    if allowance is None or allowance.characters_a_day is None:
        return
    used = _used(session, allowance, f"{now:%Y-%m-%d}")
    if used >= allowance.characters_a_day:
        raise _too_many(allowance, used, now, intro="")


def take_place(session: Session, allowance: Allowance | None) -> None:
    """Check again while the narration is written; others of the key wait until it is committed.

    Raises: LimitError.
    """
    if allowance is None or allowance.queued_jobs is None:
        return
    session.execute(select(ApiKey.id).where(ApiKey.id == allowance.key_id).with_for_update())
    require_place(session, allowance)


def take_characters(
    session: Session, allowance: Allowance | None, characters: int, *, now: datetime
) -> None:
    """Add characters to a key's day, if it has that many left.

    Raises: LimitError; DocumentError if even a whole day has fewer.
    """
    if allowance is None or allowance.characters_a_day is None:
        return
    most, day = allowance.characters_a_day, f"{now:%Y-%m-%d}"
    so_far = _counted(day)
    updated = session.execute(
        update(ApiKey)
        .where(ApiKey.id == allowance.key_id, so_far + characters <= most)
        .values(counted_day=day, counted_characters=so_far + characters)
        .returning(ApiKey.id),
        execution_options=UNSYNCHRONIZED,
    ).first()
    if updated is not None:
        return
    if characters > most:  # waiting until tomorrow would not help
        raise DocumentError(
            f"the text has {characters:,} characters, and key {allowance.key_name!r} may submit "
            f"{most:,} a day: send it in parts, or ask for a higher limit"
        )
    used = _used(session, allowance, day)
    raise _too_many(allowance, used, now, intro=f"the text has {characters:,} characters; ")


def seconds_to_midnight(now: datetime) -> int:
    """Return the seconds until the next UTC day begins."""
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, round((tomorrow - now).total_seconds()))


def _counted(day: str) -> ColumnElement[int]:
    return case((ApiKey.counted_day == day, ApiKey.counted_characters), else_=0)


def _used(session: Session, allowance: Allowance, day: str) -> int:
    return session.scalar(select(_counted(day)).where(ApiKey.id == allowance.key_id)) or 0


def _too_many(allowance: Allowance, used: int, now: datetime, *, intro: str) -> LimitError:
    most = allowance.characters_a_day or 0
    left = max(0, most - used)
    return LimitError(
        f"{intro}of the {most:,} characters a day that the key {allowance.key_name!r} may submit, "
        f"{left:,} are left until midnight UTC",
        policy=CHARACTERS,
        left=left,
        retry_after_s=seconds_to_midnight(now),
    )
