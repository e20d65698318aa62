"""Streams tell progress seldom, send together what is there together, and end when they should."""

import asyncio

import pytest

from api.deps import Resources
from api.event_stream import EventStream, SharedFrames
from api.following import Follower
from api.polling import JobReader
from narration.database import session_scope
from tests.builders import make_job
from tests.unit.api.feeds import START, open_feed, tell


@pytest.fixture
def job_id(resources: Resources) -> str:
    with session_scope(resources.database) as session:
        return make_job(session, owner="ann").id


def make_stream(resources: Resources, follower: Follower) -> EventStream:
    return EventStream(
        follower=follower,
        reader=JobReader(resources.database),
        frames_of=SharedFrames(),
        is_of_one_job=True,
    )


def test_progress_is_told_at_most_once_a_second(resources: Resources, job_id: str) -> None:
    async def follow() -> str:
        pieces: list[str] = []
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                stream = make_stream(resources, follower)

                async def read() -> None:
                    pieces.extend([piece async for piece in stream.frames(feed.is_closing)])

                reading = asyncio.create_task(read())
                for _ in range(30):
                    await asyncio.to_thread(tell, resources, job_id, "chunk.accepted")
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(tell, resources, job_id, "chunk.flagged", "job.failed")
                async with asyncio.timeout(10):
                    await reading  # ends with the job
        return "".join(pieces)

    lines = asyncio.run(follow()).splitlines()
    told = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert 1 <= told.count("job.progress") <= 3
    assert told[0] == "job.queued"
    assert told[-2:] == ["chunk.flagged", "job.failed"]


def test_events_that_are_there_together_are_sent_together(
    resources: Resources, job_id: str
) -> None:
    async def follow() -> str:
        await asyncio.to_thread(tell, resources, job_id, "chunk.flagged", "job.failed")
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                stream = make_stream(resources, follower)
                pieces = [piece async for piece in stream.frames(feed.is_closing)]
        return pieces[-1]

    lines = asyncio.run(follow()).splitlines()
    told = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert told == ["job.queued", "chunk.flagged", "job.failed"]


def test_closing_ends_the_streams_at_once(resources: Resources, job_id: str) -> None:
    async def follow() -> None:
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                stream = make_stream(resources, follower)
                frames = stream.frames(feed.is_closing)
                await anext(frames)
                await anext(frames)
                waiting = asyncio.create_task(anext(frames, None))
                await asyncio.sleep(0.05)
                feed.end_streams()
                async with asyncio.timeout(1):
                    assert await waiting is None

    asyncio.run(follow())
