"""Keys that are in use are looked up again together, each within a second."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from api.deps import Resources
from api.keybook import CACHED_S, KeyBook
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import DatabaseUnavailable
from narration.keys.lookup import close_session, find_key, open_session
from tests.unit.api.keys import make, revoke

KEYS = 20


def test_keys_in_use_are_looked_up_again_by_one_query(
    resources: Resources, queries: list[str]
) -> None:
    secrets = [make(resources, name=f"key {number}").secret for number in range(KEYS)]

    async def ask() -> list[str | None]:
        book = KeyBook(resources.database)
        for secret in secrets * 2:
            await book.by_secret(secret)
        await asyncio.sleep(CACHED_S)
        queries.clear()
        found = [await book.by_secret(secret) for secret in secrets]
        await book.close()
        return [key and key.name for key in found]

    assert asyncio.run(ask()) == [f"key {number}" for number in range(KEYS)]
    assert len(queries) == 1


def test_keys_that_are_not_in_use_are_not_looked_up_again(
    resources: Resources, queries: list[str]
) -> None:
    used, unused = make(resources), make(resources)

    async def ask() -> int:
        book = KeyBook(resources.database)
        await book.by_secret(unused.secret)
        for _ in range(2):
            await asyncio.sleep(CACHED_S)
            await book.by_secret(used.secret)
        queries.clear()
        await book.by_secret(unused.secret)
        await book.close()
        return len(queries)

    assert asyncio.run(ask()) == 1


def test_key_revoked_and_browser_signed_out_are_noticed_among_others(resources: Resources) -> None:
    kept, revoked, browsers_key = make(resources), make(resources), make(resources)
    with session_scope(resources.database) as session:
        key = find_key(session, browsers_key.secret)
        assert key is not None
        cookie = open_session(session, key, lasts_s=60, now=utc_now())

    async def ask() -> list[Any]:
        book = KeyBook(resources.database)
        asked = (book.by_secret(kept.secret), book.by_secret(revoked.secret))
        before = await asyncio.gather(*asked, book.by_session(cookie))
        await asyncio.gather(*(book.by_secret(made.secret) for made in (kept, revoked)))
        await book.by_session(cookie)  # all three are in use now
        revoke(resources, revoked)
        with session_scope(resources.database) as session:
            close_session(session, cookie)
        await asyncio.sleep(CACHED_S)
        asked = (book.by_secret(kept.secret), book.by_secret(revoked.secret))
        after = await asyncio.gather(*asked, book.by_session(cookie))
        await book.close()
        return [*before, *after]

    first, second, signed_in, still, is_revoked, signed_out = asyncio.run(ask())
    assert first.id == still.id == kept.key.id
    assert second.revoked_at is None
    assert is_revoked.revoked_at is not None
    assert signed_in.session_id is not None
    assert signed_out is None


def test_after_an_outage_keys_are_found_again(resources: Resources) -> None:
    made = make(resources)
    is_down = False

    def refuse(*_: Any) -> None:
        if is_down:
            raise DatabaseUnavailable("the database does not answer: it is down")

    event.listen(resources.database, "before_cursor_execute", refuse)

    async def ask() -> None:
        nonlocal is_down
        book = KeyBook(resources.database)
        assert await book.by_secret(made.secret) is not None
        await asyncio.sleep(CACHED_S)
        is_down = True
        with pytest.raises(DatabaseUnavailable):
            await book.by_secret(made.secret)
        is_down = False
        assert await book.by_secret(made.secret) is not None
        await book.close()

    asyncio.run(ask())
