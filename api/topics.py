"""What clients follow, as one process knows it: a job, or all jobs of an owner."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from narration.jobs.event_pages import EventPage, Key
from narration.jobs.events import JobEvent, Position

if TYPE_CHECKING:
    from narration.broker.first_sounds import FirstSound

BUFFERED = 64  # events per topic that are buffered for followers


def position_of(event: JobEvent, key: Key) -> Position:
    """Return an event's position in a topic: its number in a job's, else its transaction."""
    return Position(transaction=0, id=event.number) if key[1] else event.position


class Topic:
    """What clients follow: the latest events, and the clients that wait for the next."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.followers = 0
        self.recent: deque[JobEvent] = deque()
        self.floor: Position | None = None  # all events after it, up to the head, are in `recent`
        self.head: Position | None = None
        self.is_dirty = False
        self.version = 0  # counts changes
        self.first_sound: FirstSound | None = None  # of a job's first chunk, before it is recorded
        self._has_events = asyncio.Event()
        self._noticed = asyncio.Event()

    def notice(self) -> None:
        """Record that something changed."""
        self.is_dirty = True
        self.version += 1
        self._noticed.set()
        self._noticed = asyncio.Event()

    def release(self) -> None:
        """Wake all waiting clients although nothing has changed."""
        self._noticed.set()
        self._has_events.set()

    def add(self, page: EventPage) -> None:
        """Buffer a page of events, and wake the clients that wait for them."""
        for event in page.events:
            self.head = position_of(event, self.key)
            self.recent.append(event)
            if len(self.recent) > BUFFERED:
                self.floor = position_of(self.recent.popleft(), self.key)
        if page.events:
            self._has_events.set()
            self._has_events = asyncio.Event()

    async def wait_for_notice(self, timeout_s: float, *, since: int) -> bool:
        """Wait for a change since a version; return False if there was none."""
        return self.version != since or await _wait(self._noticed, timeout_s)

    async def wait_for_events(self, timeout_s: float) -> bool:
        """Wait for new events; return False if there were none."""
        return await _wait(self._has_events, timeout_s)


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
