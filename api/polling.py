"""Reads jobs for polls: those that are asked for at the same time share one query.

A poll is the most frequent request by far, and its cost is the trip to the database and to a thread
and back. One trip is under way at a time; what is asked for meanwhile goes with the next one, so
that more polls make larger trips, not more of them.
"""

import asyncio

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine

from narration.database import session_scope
from narration.errors import NotFoundError
from narration.jobs import listing
from narration.jobs.record import Job


class JobReader:
    """Belongs to one event loop; the jobs it returns are for reading only."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._pending: dict[str, asyncio.Future[Job | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def read(self, job_id: str, owner: str) -> Job:
        """Return an owner's job as it stands after this call.

        Raises: NotFoundError if there is none; DatabaseUnavailable.
        """
        if job_id not in self._pending:
            self._pending[job_id] = asyncio.get_running_loop().create_future()
        answer = self._pending[job_id]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_batches())
        # Shielded: one caller that hangs up must not take the answer from the others.
        job = await asyncio.shield(answer)
        if job is None or job.owner != owner:
            raise NotFoundError(f"there is no job {job_id}")
        return job

    async def _read_batches(self) -> None:
        while self._pending:
            requests, self._pending = self._pending, {}
            try:
                jobs = await run_in_threadpool(self._query, list(requests))
            except Exception as error:  # noqa: BLE001 - the callers get it, a bug like the rest
                for future in requests.values():
                    future.set_exception(error)
                    future.exception()  # seen, even if every caller has hung up meanwhile
            else:
                for job_id, future in requests.items():
                    future.set_result(jobs.get(job_id))

    def _query(self, job_ids: list[str]) -> dict[str, Job]:
        with session_scope(self._database, is_read_only=True) as session:
            return listing.read_jobs(session, job_ids)
