"""An event feed in this process, and what its followers are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.deps import Resources
from api.following import EventFeed, Follower
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.events import NewEvent, Position, add_events

START = Position(transaction=0, id=0)


@asynccontextmanager
async def open_feed(resources: Resources) -> AsyncIterator[EventFeed]:
    feed = EventFeed(resources.database, resources.broker)
    feed.start()
    try:
        yield feed
    finally:
        await feed.close()


def tell(resources: Resources, job_id: str, *types: str) -> None:
    with session_scope(resources.database) as session:
        events = [NewEvent(type=type_) for type_ in types]
        add_events(session, job_id, events, now=utc_now())


async def collect(follower: Follower, count: int) -> list[int]:
    numbers: list[int] = []
    async with asyncio.timeout(10):
        while len(numbers) < count:
            numbers += [found.number for found in await follower.next(5)]
    return numbers
