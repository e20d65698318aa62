"""Follows jobs for many clients at once, with one query for what changed at the same time.

Notices say which job or owner has new events. The topic is then read once, and all its followers
get the events from a short buffer. One task reads for all topics: at once if it has been idle, else
those that were noticed since its last read together. A follower that is further behind than the
buffer reads its own pages until it has caught up. A periodic check finds events whose notices were
lost. Everything here is used from one event loop.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import anyio
import structlog
from anyio.to_thread import run_sync
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.topics import Topic, position_of
from narration.broker.first_sounds import FirstSound
from narration.broker.interface import MISSED, Broker, Subscription
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import TransientError
from narration.jobs.event_pages import EventPage, Key, read_page, read_pages
from narration.jobs.events import JobEvent, Position, list_changed, parse_notice

PAGE = 200
READS = 4  # concurrent queries of followers that catch up, and of the check
MOST_TOGETHER = 64  # topics that one query reads
CHECK_S = 5.0  # how often to check for lost notices; every second if there are no notices
CHECK_WITHOUT_NOTICES_S = 1.0
LOOK_BACK = timedelta(seconds=60)  # longer than transactions take from timestamp to commit
GAP_S = 0.05  # between two reads of this process: what arrives meanwhile is read together
RETRY_S = 1.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Follower:
    """One client's position in a topic."""

    def __init__(self, feed: "EventFeed", topic: Topic, after: Position) -> None:
        self._feed = feed
        self._topic = topic
        self.key = topic.key
        self.position = after
        self.is_live = False  # has caught up with the topic

    async def next(self, timeout_s: float) -> list[JobEvent]:
        """Return the next events, in order; an empty list after the timeout.

        Raises: DatabaseUnavailable.
        """
        if not self.is_live or self._is_behind():
            return self._advance(await self._catch_up())
        events = self._buffered()
        if not events and await self._topic.wait_for_events(timeout_s) and not self._is_behind():
            events = self._buffered()
        return self._advance(events)

    async def _catch_up(self) -> list[JobEvent]:
        page = await self._feed.read(self._topic.key, self.position)
        last = position_of(page.events[-1], self._topic.key) if page.events else self.position
        if page.is_last:
            self.is_live = True
            self._feed.keep_from(self._topic, last, is_settled=page.is_settled)
        return page.events

    def _is_behind(self) -> bool:
        return self._topic.floor is not None and self.position < self._topic.floor

    def _buffered(self) -> list[JobEvent]:
        events: list[JobEvent] = []
        for event in reversed(self._topic.recent):  # from the newest, of which there are few
            if position_of(event, self._topic.key) <= self.position:
                break
            events.append(event)
        events.reverse()
        return events

    def _advance(self, events: list[JobEvent]) -> list[JobEvent]:
        if events:
            self.position = position_of(events[-1], self._topic.key)
        return events


class EventFeed:
    """The topics that are followed in this process."""

    def __init__(self, database: Engine, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._topics: dict[Key, Topic] = {}
        self._due: dict[Key, Topic] = {}  # to be read, the one that has waited longest first
        self._reading: asyncio.Task[None] | None = None
        self._limiter = anyio.CapacityLimiter(READS)
        self._subscription: Subscription | None = None
        self._sounds: Subscription | None = None
        self._checking: asyncio.Task[None] | None = None
        self._is_closing = False

    def is_closing(self) -> bool:
        """Return whether streams should end."""
        return self._is_closing

    def start(self) -> None:
        """Start listening for notices and first sounds."""
        loop = asyncio.get_running_loop()

        def on_loop(handle: Callable[[str], None]) -> Callable[[str], None]:
            def hand_over(message: str) -> None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(handle, message)

            return hand_over

        self._subscription = self._broker.subscribe(on_loop(self._on_notice))
        self._sounds = self._broker.hear_first_sounds(on_loop(self._on_first_sound))
        self._checking = asyncio.create_task(self._check_regularly())

    async def close(self) -> None:
        """Stop listening for notices."""
        self.end_streams()
        for task in (self._checking, self._reading):
            if task is not None:
                task.cancel()
        for subscription in (self._subscription, self._sounds):
            if subscription is not None:
                await run_sync(subscription.close)

    def end_streams(self) -> None:
        """Wake all waiting clients, which then see that the feed is closing."""
        self._is_closing = True
        for topic in self._topics.values():
            topic.release()

    @contextmanager
    def topic(self, owner: str, job_id: str = "") -> Iterator[Topic]:
        """Follow a job, or all jobs of an owner, while the context lasts."""
        key = (owner, job_id)
        topic = self._topics.setdefault(key, Topic(key))
        topic.followers += 1
        try:
            yield topic
        finally:
            topic.followers -= 1
            if topic.followers == 0:
                del self._topics[key]
                self._due.pop(key, None)

    @contextmanager
    def follow(self, owner: str, job_id: str = "", *, after: Position) -> Iterator[Follower]:
        """Follow a topic from a position on."""
        with self.topic(owner, job_id) as topic:
            yield Follower(self, topic, after)

    async def read(self, key: Key, after: Position) -> EventPage:
        """Read a page of a topic. Raises: DatabaseUnavailable."""
        return await self._run(lambda session: read_page(session, key, after=after, limit=PAGE))

    def keep_from(self, topic: Topic, position: Position, *, is_settled: bool) -> None:
        """Start a topic's buffer at the position where its first follower has caught up."""
        if topic.head is None:
            topic.floor = topic.head = position
        topic.is_dirty = topic.is_dirty or not is_settled
        self._wake(topic)

    async def _run(self, query: Callable[[Session], T]) -> T:
        def read() -> T:
            with session_scope(self._database, is_read_only=True) as session:
                return query(session)

        return await run_sync(read, limiter=self._limiter)

    def _on_notice(self, notice: str) -> None:
        if notice == MISSED:
            for topic in tuple(self._topics.values()):
                self._mark(topic)
            return
        job_id, owner = parse_notice(notice)
        for key in ((owner, job_id), (owner, "")):
            if key in self._topics:
                self._mark(self._topics[key])

    def _on_first_sound(self, message: str) -> None:
        job_id, owner = parse_notice(message.partition("\n")[0])
        topic = self._topics.get((owner, job_id))  # none: another process's, or nobody listens
        if topic is not None:
            topic.first_sound = FirstSound.unpack(message)
            topic.notice()

    def _mark(self, topic: Topic) -> None:
        topic.notice()
        self._wake(topic)

    def _wake(self, topic: Topic) -> None:
        if not topic.is_dirty or topic.head is None or self._is_closing:
            return
        self._due[topic.key] = topic
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_due())

    async def _read_due(self) -> None:
        """Read what is due until nothing is; what has to settle first is due after a pause."""
        unsettled: list[Topic] = []
        while self._due:
            topics = [self._due.pop(key) for key in tuple(self._due)[:MOST_TOGETHER]]
            is_more = await self._try_to_read(topics, unsettled)
            if self._due and (is_more or len(topics) == MOST_TOGETHER):
                continue
            await asyncio.sleep(GAP_S)
            for topic in unsettled:
                self._read_again(topic)
            unsettled.clear()

    async def _try_to_read(self, topics: list[Topic], unsettled: list[Topic]) -> bool:
        """Read as `_read_on` does; a topic that cannot be read keeps no other waiting."""
        try:
            return await self._read_on(topics, unsettled)
        except TransientError as error:
            log.warning("events_not_read", reason=str(error))
            for topic in topics:
                self._read_again(topic)
            await asyncio.sleep(RETRY_S)
        except Exception:
            log.exception("events_not_read")
            for topic in topics:
                topic.is_dirty = True  # the next notice or check reads it
                if len(topics) > 1:
                    await self._try_to_read([topic], unsettled)
        return False

    async def _read_on(self, topics: list[Topic], unsettled: list[Topic]) -> bool:
        """Read the next pages of topics; return whether one has more that can be read at once.

        Topics of which events are not settled yet are added to `unsettled`.
        """
        places: dict[Key, Position] = {}
        for topic in topics:
            assert topic.head is not None, "it is due"
            places[topic.key] = topic.head
            topic.is_dirty = False  # a notice that comes during the query asks for another
        pages = await self._run(lambda session: read_pages(session, places, limit=PAGE))
        for topic in topics:
            page = pages[topic.key]
            topic.add(page)
            if not page.is_settled:
                topic.is_dirty = True
                unsettled.append(topic)
            elif not page.is_last:
                self._read_again(topic)
        return any(page.is_settled and not page.is_last for page in pages.values())

    def _read_again(self, topic: Topic) -> None:
        topic.is_dirty = True
        if self._topics.get(topic.key) is topic:  # somebody still follows it
            self._due[topic.key] = topic

    async def _check_regularly(self) -> None:
        interval_s = CHECK_WITHOUT_NOTICES_S if self._subscription is None else CHECK_S
        while True:
            await asyncio.sleep(interval_s)
            if not self._topics:
                continue
            since = utc_now() - LOOK_BACK
            try:
                changed = await self._run(lambda session: list_changed(session, since=since))  # noqa: B023 - the lambda runs at once
            except TransientError as error:
                log.warning("events_not_read", reason=str(error))
                continue
            for job_id, owner in changed:
                for key in ((owner, job_id), (owner, "")):
                    if key in self._topics:
                        self._mark(self._topics[key])
