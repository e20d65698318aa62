"""Looks up keys in the database for requests, at most once a second per key.

A key that is revoked by another process is refused within that second. All keys in use are looked
up again together: one query each would cost a busy server as much as its other queries. Unknown
secrets are looked up each time, on a few separate threads, so that a client that tries many of them
uses up none of the others' threads.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import anyio
import structlog
from anyio.to_thread import run_sync
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import RhapsodeError
from narration.keys import lookup
from narration.keys.lookup import KnownKey
from narration.keys.secret import digest_of

T = TypeVar("T")
Find: TypeAlias = Callable[[Session, str], KnownKey | None]
_Found: TypeAlias = Mapping[str, KnownKey | None]  # by the digests that were looked up
CACHED_S = 1.0
RENEWED_S = 0.5  # keys in use that are as old are looked up along with the first that has to be
MAX_CACHED = 4096
THREADS = 8

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _CachedKey:
    key: KnownKey
    at: float
    is_used: bool = False  # since it was looked up


class KeyBook:
    """Caches keys; used from one event loop."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._limiter = anyio.CapacityLimiter(THREADS)
        self._unknown_limiter = anyio.CapacityLimiter(THREADS)
        self._cached: OrderedDict[str, _CachedKey] = OrderedDict()
        self._pending: dict[str, asyncio.Task[_Found]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._has_keys = False
        self._checked_at = float("-inf")

    async def has_keys(self) -> bool:
        """Return whether any key was ever created. Raises: DatabaseUnavailable."""
        if not self._has_keys and time.monotonic() - self._checked_at >= CACHED_S:
            self._has_keys = await self.read(lookup.has_keys)
            self._checked_at = time.monotonic()
        return self._has_keys

    async def by_secret(self, secret: str) -> KnownKey | None:
        """Return the key with a secret, usable or not. Raises: DatabaseUnavailable."""
        return await self._find(lookup.find_key, secret)

    async def by_session(self, secret: str) -> KnownKey | None:
        """Return the key of a signed-in browser. Raises: DatabaseUnavailable."""
        return await self._find(lookup.find_session, secret)

    async def by_id(self, key_id: str) -> KnownKey | None:
        """Return a key, usable or not. Raises: DatabaseUnavailable."""
        return await self._find(lookup.find_key_by_id, key_id)

    async def still_usable(
        self, key_ids: Collection[str], session_ids: Collection[str]
    ) -> frozenset[str]:
        """Return the ids of those keys and sessions that are still usable."""
        in_use = await self.read(lambda session: lookup.find_in_use(session, key_ids, session_ids))
        now = utc_now()
        return frozenset(key.session_id or key.id for key in in_use if key.is_usable(now))

    def forget(self) -> None:
        """Drop all cached keys, because this process has changed one of them."""
        self._cached.clear()

    async def read(
        self, query: Callable[[Session], T], limiter: anyio.CapacityLimiter | None = None
    ) -> T:
        """Run a query. Raises: DatabaseUnavailable."""

        def run() -> T:
            with session_scope(self._database, is_read_only=True) as session:
                return query(session)

        return await run_sync(run, limiter=limiter or self._limiter)

    async def write(self, change: Callable[[Session], T]) -> T:
        """Make a change in one transaction. Raises: DatabaseUnavailable."""

        def do() -> T:
            with session_scope(self._database) as session:
                return change(session)

        return await run_sync(do, limiter=self._limiter)

    async def close(self) -> None:
        """Wait for pending writes."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _find(self, find: Find, text: str) -> KnownKey | None:
        digest = digest_of(text)  # texts of different kinds differ by their prefixes
        cached = self._cached.get(digest)
        if cached is not None:
            cached.is_used = True
            if time.monotonic() - cached.at < CACHED_S:
                return cached.key
        if digest not in self._pending:
            if cached is None:
                self._pending[digest] = asyncio.create_task(self._look_up(find, text, digest))
            else:
                self._start_renewal()
        # Shielded, because a caller that hangs up must not cancel the query for the others.
        return (await asyncio.shield(self._pending[digest]))[digest]

    async def _look_up(self, find: Find, text: str, digest: str) -> _Found:
        try:
            at = time.monotonic()  # before the query, since a key may be revoked meanwhile
            key = await self.read(lambda session: find(session, text), self._unknown_limiter)
        finally:
            del self._pending[digest]
        self._keep(digest, key, at)
        return {digest: key}

    def _start_renewal(self) -> None:
        before = time.monotonic() - RENEWED_S
        due = {
            digest: cached.key
            for digest, cached in self._cached.items()
            if cached.is_used and cached.at <= before and digest not in self._pending
        }
        self._pending |= dict.fromkeys(due, asyncio.create_task(self._renew(due)))

    async def _renew(self, due: Mapping[str, KnownKey]) -> _Found:
        sessions = {key.session_id for key in due.values() if key.session_id is not None}
        keys = {key.id for key in due.values() if key.session_id is None}
        try:
            at = time.monotonic()
            in_use = await self.read(lambda session: lookup.find_in_use(session, keys, sessions))
        finally:
            for digest in due:
                del self._pending[digest]
        by_id = {key.session_id or key.id: key for key in in_use}
        found = {digest: by_id.get(key.session_id or key.id) for digest, key in due.items()}
        for digest, key in found.items():
            self._keep(digest, key, at)
        return found

    def _keep(self, digest: str, key: KnownKey | None, at: float) -> None:
        if key is None:
            self._cached.pop(digest, None)
            return
        self._cached[digest] = _CachedKey(key=key, at=at)
        while len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)
        now = utc_now()
        if key.is_usable(now) and key.is_use_due(now):
            task = asyncio.create_task(self._record_use(key.id))  # runs in the background
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

    async def _record_use(self, key_id: str) -> None:
        try:
            await self.write(lambda session: lookup.record_use(session, key_id, now=utc_now()))
        except RhapsodeError as error:  # the next request tries again
            log.warning("key_use_not_recorded", key_id=key_id, reason=str(error))
