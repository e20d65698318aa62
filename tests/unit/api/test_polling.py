"""Concurrent polls share a query, and nothing else."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from api.deps import Resources
from api.polling import JobReader
from narration.database import session_scope
from narration.errors import DatabaseUnavailable, NotFoundError
from tests.builders import make_job


@pytest.fixture
def job_ids(resources: Resources) -> list[str]:
    with session_scope(resources.database) as session:
        return [make_job(session, owner=owner).id for owner in ("ann", "bob")]


def test_polls_at_the_same_time_share_queries(
    resources: Resources, job_ids: list[str], queries: list[str]
) -> None:
    async def poll() -> set[str]:
        reader = JobReader(resources.database)
        polls = [reader.read(job_ids[0], "ann"), reader.read(job_ids[1], "bob")]
        polls += [reader.read(job_ids[0], "ann") for _ in range(100)]
        return {job.id for job in await asyncio.gather(*polls)}

    assert asyncio.run(poll()) == set(job_ids)
    assert len(queries) == 1


def test_later_poll_reads_again(
    resources: Resources, job_ids: list[str], queries: list[str]
) -> None:
    async def poll() -> None:
        reader = JobReader(resources.database)
        await reader.read(job_ids[0], "ann")
        await reader.read(job_ids[0], "ann")

    asyncio.run(poll())
    assert len(queries) == 2


def test_other_owners_job_is_not_found(resources: Resources, job_ids: list[str]) -> None:
    with pytest.raises(NotFoundError):
        asyncio.run(JobReader(resources.database).read(job_ids[0], "bob"))


def test_caller_that_hangs_up_takes_nothing_from_the_others(
    resources: Resources, job_ids: list[str]
) -> None:
    async def poll() -> str:
        reader = JobReader(resources.database)
        impatient = asyncio.create_task(reader.read(job_ids[0], "ann"))
        patient = asyncio.create_task(reader.read(job_ids[0], "ann"))
        await asyncio.sleep(0)
        impatient.cancel()
        return (await patient).id

    assert asyncio.run(poll()) == job_ids[0]


def test_database_that_is_away_is_told_to_all_and_asked_again(
    resources: Resources, job_ids: list[str]
) -> None:
    is_away = True

    def refuse(_connection: Any) -> None:
        if is_away:
            raise DatabaseUnavailable("the database does not answer")

    event.listen(resources.database, "begin", refuse)

    async def poll() -> list[Any]:
        nonlocal is_away
        reader = JobReader(resources.database)
        polls = [reader.read(job_id, "ann") for job_id in job_ids]
        refused = await asyncio.gather(*polls, return_exceptions=True)
        is_away = False
        return [*refused, await reader.read(job_ids[0], "ann")]

    first, second, job = asyncio.run(poll())
    assert isinstance(first, DatabaseUnavailable)
    assert isinstance(second, DatabaseUnavailable)
    assert job.id == job_ids[0]


def test_failure_of_one_poll_is_not_shared(resources: Resources, job_ids: list[str]) -> None:
    poison = "job_poison"

    def refuse(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        if poison in parameters:
            raise ValueError("a parameter that the database cannot hold")

    event.listen(resources.database, "before_cursor_execute", refuse)

    async def poll() -> list[Any]:
        reader = JobReader(resources.database)
        polls = [(poison, "eve"), (job_ids[0], "ann"), (job_ids[1], "bob")]
        reads = [reader.read(job_id, owner) for job_id, owner in polls]
        return await asyncio.gather(*reads, return_exceptions=True)

    failure, *found = asyncio.run(poll())
    assert isinstance(failure, ValueError)
    assert [job.id for job in found] == job_ids
