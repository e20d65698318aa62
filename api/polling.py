"""Reads jobs for polls; polls that arrive at the same time share one query.

A poll is the most frequent request by far, and its cost is the round trip to a thread and the
database. One query runs at a time; polls that arrive meanwhile share the next one, so that more
polls make larger queries, not more of them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeAlias

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine

from narration.database import session_scope
from narration.errors import NotFoundError, TransientError
from narration.jobs import listing, lookup
from narration.jobs.reading_record import ReadingRecord
from narration.jobs.record import Job

Answer: TypeAlias = Job | Exception | None
MAX_REPORTS = 64  # of up to about 100 KB each
MAX_SHARED = 500  # SQLite and Postgres bound the parameters of a statement


class JobReader:
    """Reads jobs in batches; used from one event loop. The returned jobs are read-only."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._readings: OrderedDict[str, ReadingRecord | None] = OrderedDict()
        self._pending: dict[str, asyncio.Future[Answer]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def read(self, job_id: str, owner: str) -> Job:
        """Return the state of an owner's job at some time after this call.

        Raises: NotFoundError if there is none; DatabaseUnavailable.
        """
        if job_id not in self._pending:
            self._pending[job_id] = asyncio.get_running_loop().create_future()
        pending = self._pending[job_id]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_batches())
        # Shielded, because a caller that hangs up must not cancel the query for the others.
        answer = await asyncio.shield(pending)
        if isinstance(answer, Exception):
            raise answer
        if answer is None or answer.owner != owner:
            raise NotFoundError(f"there is no job {job_id}")
        return answer

    async def read_report(self, job: Job) -> ReadingRecord | None:
        """Return the reading report of a job; None before it is planned.

        A plan never changes, so polls need not fetch its report again.
        Raises: DatabaseUnavailable.
        """
        if job.planned_at is None:
            return None
        if job.id not in self._readings:
            self._readings[job.id] = await run_in_threadpool(self._find_report, job.id)
            while len(self._readings) > MAX_REPORTS:
                self._readings.popitem(last=False)
        return self._readings[job.id]

    def _find_report(self, job_id: str) -> ReadingRecord | None:
        with session_scope(self._database, is_read_only=True) as session:
            return lookup.find_reading(session, job_id)

    async def _read_batches(self) -> None:
        while self._pending:
            shared = list(self._pending)[:MAX_SHARED]
            requests = {job_id: self._pending.pop(job_id) for job_id in shared}
            answers = await run_in_threadpool(self._answers, shared)
            for job_id, future in requests.items():
                future.set_result(answers.get(job_id))

    def _answers(self, job_ids: list[str]) -> Mapping[str, Answer]:
        """Read jobs in one query, or singly if that fails, so that failures are not shared."""
        try:
            return self._query(job_ids)
        except Exception as error:  # noqa: BLE001 - the caller gets any error, bugs included
            if len(job_ids) == 1 or isinstance(error, TransientError):
                # If the database is away, every caller gets the error.
                return dict.fromkeys(job_ids, error)
        return {job_id: self._answers([job_id])[job_id] for job_id in job_ids}

    def _query(self, job_ids: list[str]) -> dict[str, Answer]:
        with session_scope(self._database, is_read_only=True) as session:
            return {**dict.fromkeys(job_ids), **listing.read_jobs(session, job_ids)}
