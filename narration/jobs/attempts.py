"""Submissions on their way to an outcome, each its own, though they share transactions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from narration.jobs.create import Destination, Source
from narration.jobs.document import DocumentFacts
from narration.jobs.record import Job
from narration.jobs.submission import Submission, Submitted


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A submission on its way; it is over once it has an outcome."""

    submission: Submission
    outcome: Submitted | Exception | None = None
    job_id: str = ""
    destination: Destination | None = None
    voice: str = ""
    facts: DocumentFacts | None = None
    source: Source | None = None
    job: Job | None = None

    @property
    def lock_order(self) -> tuple[str, str, str]:
        """The order in which rows are locked: so transactions of several hosts seldom deadlock.

        If they do, one is rolled back, and its submissions get a transaction each.
        """
        one = self.submission
        key_id = one.allowance.key_id if one.allowance else ""
        return key_id, one.owner, one.idempotency_key or ""


def pending_of(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return those that have no outcome yet."""
    return [attempt for attempt in attempts if attempt.outcome is None]


def each_of(attempts: Sequence[Attempt], step: Callable[[Attempt], None]) -> None:
    """Take a step for each attempt that is not over; one that fails there is.

    Raises: what the database raises, which fails the transaction of all.
    """
    for attempt in pending_of(attempts):
        try:
            step(attempt)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - `submit` raises it
            attempt.outcome = error
