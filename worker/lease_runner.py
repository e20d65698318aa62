"""Runs work under a lease; the class of an error decides what happens to the work."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import structlog
from sqlalchemy.orm import Session

from narration import telemetry
from narration.errors import (
    AbandonedError,
    DatabaseUnavailable,
    DependencyError,
    DiskFull,
    EngineDied,
    LeaseLost,
    RhapsodeError,
    TransientError,
)
from narration.jobs.trouble import record_trouble
from narration.storage.interface import NO_ROOM
from worker.context import WorkerContext
from worker.leases import Lease, Renew

log = structlog.get_logger(__name__)

# Limits the backoff to 16 s, so that a job goes on soon after a dependency is back.
WAITING_TRIES = 4
# While the database does not answer. Otherwise nobody goes on until the lease expires.
UPDATE_TRIES = 4


class Reaction(Enum):
    """What happens to work that ended in an error."""

    DROP = "lost"  # another worker has it
    FAIL = "failed"  # it would fail again
    ABANDON = "abandoned"  # this worker must exit; the work counts as lost
    WAIT = "waits"  # until a dependency is fixed, however long that takes
    DEFER = "deferred"  # another try may succeed; after too many tries the work fails


# The first matching class decides. Any other exception is a bug. It may be transient, so the work
# is retried a limited number of times.
REACTIONS: tuple[tuple[type[Exception], Reaction], ...] = (
    (LeaseLost, Reaction.DROP),
    (EngineDied, Reaction.ABANDON),
    (DependencyError, Reaction.WAIT),
    (TransientError, Reaction.DEFER),
    (RhapsodeError, Reaction.FAIL),
    (Exception, Reaction.DEFER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A claimed step or segment, and the operations on the claim.

    `hand_back` takes the earliest time of the next try and the number of tries made; None keeps the
    claim's number.
    """

    job_id: str
    tries: int  # including this one
    renew: Renew
    hand_back: Callable[[Session, datetime, int | None], bool]
    fail: Callable[[Session, Exception], bool]


def run_under_lease(context: WorkerContext, work: Work, do: Callable[[Lease], None]) -> None:
    """Do the work under its lease; handle errors as the table says.

    Raises: EngineDied, so that the worker exits.
    """
    try:
        _refuse_hopeless(work, context.settings.step_tries)
        with context.leases.keep(work.renew) as lease:
            do(lease)
    except Exception as error:
        _react(context, work, _name_full_disk(error))
        if isinstance(error, EngineDied):
            raise


def reaction_to(error: Exception) -> Reaction:
    """Look an error up in the table."""
    return next(reaction for kind, reaction in REACTIONS if isinstance(error, kind))


def _refuse_hopeless(work: Work, step_tries: int) -> None:
    """Fail work that has lost too many workers; a killed worker cannot report that itself."""
    if work.tries > step_tries:
        raise AbandonedError(f"{step_tries} workers were lost while doing this: see their logs")


def _react(context: WorkerContext, work: Work, error: Exception) -> None:
    reaction = reaction_to(error)
    if reaction is Reaction.DEFER and work.tries >= context.settings.step_tries:
        reaction = Reaction.FAIL
    _log_reaction(error, reaction, work.tries)
    try:
        # A dead engine must not delay the end of its process.
        tries = 1 if reaction is Reaction.ABANDON else UPDATE_TRIES
        write_patiently(context, lambda s: _update(context, work, s, reaction, error), tries=tries)
    except (DatabaseUnavailable, DiskFull) as failure:
        # The lease expires by itself, and the sweeper sends the work again.
        log.info("work_not_updated", reason=str(failure))


def write_patiently(
    context: WorkerContext, write: Callable[[Session], None], *, tries: int = UPDATE_TRIES
) -> None:
    """Run a transaction, and again after a pause while the database does not answer.

    Raises: DatabaseUnavailable or DiskFull, from the last try.
    """
    for failures in range(1, tries):
        try:
            with context.session() as session:
                write(session)
        except (DatabaseUnavailable, DiskFull):
            time.sleep(context.pause_s(failures))
        else:
            return
    with context.session() as session:
        write(session)


def _update(
    context: WorkerContext, work: Work, session: Session, reaction: Reaction, error: Exception
) -> None:
    if reaction is Reaction.FAIL:
        work.fail(session, error)
    elif reaction is Reaction.ABANDON:
        work.renew(session, until=context.clock())
    elif reaction is Reaction.DEFER:
        work.hand_back(session, context.retry_at(work.tries), None)
    elif reaction is Reaction.WAIT:
        _wait(context, work, session, error)


def _wait(context: WorkerContext, work: Work, session: Session, error: Exception) -> None:
    """Hand the work back without counting the try, and record on the job what it waits for."""
    assert isinstance(error, DependencyError)
    tries = min(work.tries, WAITING_TRIES, context.settings.step_tries - 1)
    if work.hand_back(session, context.retry_at(max(tries, 1)), tries):
        record_trouble(session, work.job_id, error, now=context.clock())


def _name_full_disk(error: Exception) -> Exception:
    """Return DiskFull for a full disk, whatever was being written: it is not a bug of ours."""
    for cause in (error, error.__cause__):
        is_full = isinstance(cause, OSError) and cause.errno in NO_ROOM
        if is_full and not isinstance(error, DependencyError):
            return DiskFull(f"a disk of the worker is full ({error}): free some space")
    return error


def _log_reaction(error: Exception, reaction: Reaction, tries: int) -> None:
    reason = f"{type(error).__name__}: {error}"
    if reaction is Reaction.DROP:
        telemetry.LEASES_LOST.inc()
        log.info("work_lost", reason=reason)
        return
    # An expected error is recorded in the job; a bug needs its traceback in the log.
    if isinstance(error, RhapsodeError):
        log.info("work_ended", reaction=reaction.value, reason=reason, tries=tries)
    else:
        log.warning(
            "work_ended", reaction=reaction.value, reason=reason, tries=tries, exc_info=error
        )
