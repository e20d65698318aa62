"""Many followers share few queries, no event is lost or repeated, and memory is bounded."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from api import following
from api.deps import Resources
from api.following import Follower
from api.topics import BUFFERED
from narration.broker.first_sounds import FirstSound, Waiting
from narration.broker.interface import MISSED
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import DatabaseUnavailable
from narration.jobs.control import cancel_job
from narration.jobs.event_pages import EventPage, Key, read_pages
from narration.jobs.events import Position, present_position
from tests.builders import make_job
from tests.unit.api.feeds import START, collect, open_feed, tell


@pytest.fixture
def job_id(resources: Resources) -> str:
    with session_scope(resources.database) as session:
        return make_job(session, owner="ann").id


def test_a_thousand_who_follow_a_job_share_its_queries(
    resources: Resources, job_id: str, queries: list[str]
) -> None:
    async def follow() -> list[list[int]]:
        start = Position(transaction=0, id=1)
        async with open_feed(resources) as feed:
            with ExitStack() as stack:
                followers = [
                    stack.enter_context(feed.follow("ann", job_id, after=start))
                    for _ in range(1000)
                ]
                return await tell_all(followers)

    async def tell_all(followers: list[Follower]) -> list[list[int]]:
        waiting = [asyncio.create_task(collect(follower, 40)) for follower in followers]
        for _ in range(40):
            await asyncio.to_thread(tell, resources, job_id, "chunk.accepted")
        return await asyncio.gather(*waiting)

    assert asyncio.run(follow()) == [list(range(2, 42))] * 1000
    # Each reads a page of its own to catch up; after that they share one query.
    of_events = [query for query in queries if query.startswith("SELECT events.")]
    assert len(of_events) <= 1000 + 45


def test_one_who_falls_behind_the_buffer_misses_nothing(resources: Resources, job_id: str) -> None:
    async def follow() -> list[int]:
        async with open_feed(resources) as feed:
            with (
                feed.follow("ann", job_id, after=START) as slow,
                feed.follow("ann", job_id, after=START) as quick,
            ):
                first = [*await collect(slow, 1), *await slow.next(0.01)]
                await collect(quick, 1)
                await asyncio.to_thread(tell, resources, job_id, *["chunk.accepted"] * 300)
                await collect(quick, 300)
                (topic,) = feed._topics.values()
                assert len(topic.recent) <= BUFFERED
                return first + await collect(slow, 300)

    assert asyncio.run(follow()) == list(range(1, 302))


def test_events_during_catching_up_are_told_once(resources: Resources, job_id: str) -> None:
    async def follow() -> list[int]:
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                writing = asyncio.to_thread(
                    lambda: [tell(resources, job_id, "chunk.accepted") for _ in range(200)]
                )
                numbers, _ = await asyncio.gather(collect(follower, 201), writing)
                return numbers

    assert asyncio.run(follow()) == list(range(1, 202))


def test_a_first_sound_reaches_whoever_listens_to_that_job_and_nobody_else(
    resources: Resources, job_id: str
) -> None:
    def make_sound(owner: str, job_id: str) -> FirstSound:
        waiting = Waiting(owner=owner, job_id=job_id, gain_db=0.0, pause_after_ms=0)
        return FirstSound(waiting=waiting, level=b"", flac=owner.encode())

    async def follow() -> list[bytes | None]:
        async with open_feed(resources) as feed:
            keys = [("ann", job_id), ("ann", "job_2"), ("ann", "")]
            with ExitStack() as stack:
                topics = [stack.enter_context(feed.topic(*key)) for key in keys]
                for owner in ("ben", "ann"):
                    feed._on_first_sound(make_sound(owner, job_id).pack())
                feed._on_first_sound(MISSED)
                return [topic.first_sound and topic.first_sound.flac for topic in topics]

    assert asyncio.run(follow()) == [b"ann", None, None]


def test_topics_that_change_meanwhile_are_read_together(
    resources: Resources, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []

    def count(session: Session, places: Mapping[Key, Position], *, limit: int) -> Any:
        together.append(len(places))
        return read_pages(session, places, limit=limit)

    monkeypatch.setattr(following, "read_pages", count)
    with session_scope(resources.database) as session:
        jobs = [job_id, *(make_job(session, owner="ann").id for _ in range(9))]

    async def follow() -> list[list[int]]:
        with ExitStack() as stack:
            async with open_feed(resources) as feed:
                topics = [feed.follow("ann", job, after=START) for job in jobs]
                followers = [stack.enter_context(topic) for topic in topics]
                await asyncio.gather(*(collect(follower, 1) for follower in followers))
                for job in jobs:
                    tell(resources, job, "chunk.accepted")
                return await asyncio.gather(*(collect(follower, 1) for follower in followers))

    assert asyncio.run(follow()) == [[2]] * 10
    assert sum(together) == 10
    assert len(together) <= 3


def test_topics_with_unsettled_events_are_read_again_after_a_pause(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are: each asks again until the transaction that it waits for has ended."""
    reads = 0

    def settle_never(_: Session, places: Mapping[Key, Position], **__: Any) -> dict[Key, EventPage]:
        nonlocal reads
        reads += 1
        return {key: EventPage(events=[], is_last=True, is_settled=False) for key in places}

    monkeypatch.setattr(following, "read_pages", settle_never)

    async def follow() -> None:
        async with open_feed(resources) as feed:
            with ExitStack() as stack:
                for number in range(130):
                    topic = stack.enter_context(feed.topic(f"owner {number}"))
                    feed.keep_from(topic, START, is_settled=False)
                await asyncio.sleep(0.5)

    asyncio.run(follow())
    assert 3 <= reads <= 33  # three for each pause of 50 ms


def test_a_topic_that_cannot_be_read_keeps_no_other_waiting(
    resources: Resources, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session_scope(resources.database) as session:
        jobs = [job_id, *(make_job(session, owner="ann").id for _ in range(3))]
    is_broken = True

    def read(session: Session, places: Mapping[Key, Position], *, limit: int) -> Any:
        if is_broken and ("ann", job_id) in places:
            raise ValueError("a row that nobody understands")
        return read_pages(session, places, limit=limit)

    monkeypatch.setattr(following, "read_pages", read)

    async def follow() -> list[list[int]]:
        nonlocal is_broken
        with ExitStack() as stack:
            async with open_feed(resources) as feed:
                topics = [feed.follow("ann", job, after=START) for job in jobs]
                broken, *others = [stack.enter_context(topic) for topic in topics]
                await asyncio.gather(*(collect(one, 1) for one in (broken, *others)))
                for job in jobs:
                    tell(resources, job, "chunk.accepted")
                numbers = await asyncio.gather(*(collect(one, 1) for one in others))
                is_broken = False
                tell(resources, job_id, "chunk.accepted")
                return [*numbers, await collect(broken, 2)]

    assert asyncio.run(follow()) == [[2], [2], [2], [2, 3]]


def test_lost_notices_cost_time_only(
    resources: Resources, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHECK_S", 0.2)
    monkeypatch.setattr(resources.broker, "publish", lambda _: None)

    async def follow() -> list[int]:
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                await collect(follower, 1)
                await asyncio.to_thread(tell, resources, job_id, "chunk.accepted")
                return await collect(follower, 1)

    assert asyncio.run(follow()) == [2]


def test_database_that_was_away_costs_time_only(
    resources: Resources, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETRY_S", 0.1)
    refusals = 0

    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal refusals
        if refusals and statement.startswith("SELECT events."):
            refusals -= 1
            raise DatabaseUnavailable("the database does not answer")

    event.listen(resources.database, "before_cursor_execute", refuse)

    async def follow() -> list[int]:
        nonlocal refusals
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                await collect(follower, 1)
                refusals = 3
                await asyncio.to_thread(tell, resources, job_id, "chunk.accepted")
                return await collect(follower, 1)

    assert asyncio.run(follow()) == [2]


def test_nothing_is_kept_of_what_nobody_follows(resources: Resources, job_id: str) -> None:
    async def follow() -> int:
        async with open_feed(resources) as feed:
            with feed.follow("ann", job_id, after=START) as follower:
                await collect(follower, 1)
            return len(feed._topics)

    assert asyncio.run(follow()) == 0


def test_owner_follows_all_jobs_and_no_other_owners(resources: Resources, job_id: str) -> None:
    async def follow() -> list[str]:
        async with open_feed(resources) as feed:
            with session_scope(resources.database, is_read_only=True) as session:
                present = present_position(session)
            with feed.follow("ann", after=present) as follower:
                await follower.next(0.01)
                with session_scope(resources.database) as session:
                    make_job(session, owner="bob")
                    own = make_job(session, owner="ann")
                    cancel_job(session, job_id, owner="ann", now=utc_now())
                events: list[str] = []
                async with asyncio.timeout(10):
                    while len(events) < 2:
                        events += [found.job_id for found in await follower.next(5)]
                assert events == [own.id, job_id]
                return events

    asyncio.run(follow())
