"""Counts the requests of keys with limits, and ends the streams of revoked keys.

A request costs at most one round trip, and none if its key has no limits.

Source: draft-ietf-httpapi-ratelimit-headers-10, RateLimit and RateLimit-Policy.
"""

import asyncio
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import anyio
import structlog
from anyio.to_thread import run_sync
from starlette.types import Scope

from api.keybook import KeyBook
from api.problem_kinds import POLICY_HEADER, RATE_LIMIT_HEADER
from narration.api_settings import LimitSettings
from narration.errors import LimitError, RhapsodeError
from narration.jobs.quota import CHARACTERS, JOBS
from narration.keys.lookup import KnownKey
from narration.keys.rates import Admission, Ask, Lease, Rates
from narration.keys.scopes import Allowance, KeyLimits
from narration.setting_types import DAY_S

T = TypeVar("T")
METERED = "metered"  # key in the request's state
CHECK_S = 5.0  # how soon streams of a revoked key end; much less than a lease
THREADS = 16
STREAM_ENDS_S = 5  # Retry-After for a stream
REQUESTS, STREAMS = "requests", "streams"
MINUTE_S = 60

log = structlog.get_logger(__name__)


class StreamKind(StrEnum):
    """The kinds of streams, counted apart: a page that follows events uses up no speech stream."""

    SPEECH = "speech"
    EVENTS = "events"


@dataclass(slots=True, kw_only=True)
class Metered:
    """One counted request: the limit headers of its response, and its stream."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    key: KnownKey | None = None
    stream_id: str = ""
    lease: Lease | None = None  # if the stream is counted
    task: asyncio.Task[Any] | None = None
    is_ended: bool = False

    @property
    def credential(self) -> str:
        """The id of the credential: of the session, or of the key itself."""
        assert self.key is not None
        return self.key.session_id or self.key.id


class Meter:
    """Counts requests and streams; used from one event loop."""

    def __init__(self, rates: Rates, limits: LimitSettings, book: KeyBook) -> None:
        self._rates = rates
        self._book = book
        self._limiter = anyio.CapacityLimiter(THREADS)
        self._open: dict[str, Metered] = {}
        self._releasing: set[asyncio.Task[None]] = set()
        self._checking: asyncio.Task[None] | None = None
        self._defaults = KeyLimits(
            requests_a_minute=limits.key_requests_a_minute,
            queued_jobs=limits.key_queued_jobs,
            characters_a_day=limits.key_characters_a_day,
            streams=limits.key_streams,
        )

    def allowance(self, key: KnownKey | None) -> Allowance | None:
        """Return what a key may still submit; None for keys from the environment."""
        if key is None:
            return None
        limits = key.limits.over(self._defaults)
        return Allowance(
            key_id=key.id,
            key_name=key.name,
            queued_jobs=limits.queued_jobs,
            characters_a_day=limits.characters_a_day,
        )

    async def admit(self, scope: Scope, key: KnownKey | None, stream: StreamKind | None) -> None:
        """Count a request, and the stream that it opens.

        Raises: LimitError.
        """
        if key is None:
            return
        limits = key.limits.over(self._defaults)
        metered = scope.setdefault("state", {})[METERED] = Metered(key=key)
        lease = stream and Lease(key_id=key.id, kind=stream.value, id=uuid.uuid4().hex)
        if limits != KeyLimits():
            metered.headers = [(POLICY_HEADER, _policies(limits))]
        has_streams = lease is not None and limits.streams is not None
        if limits.requests_a_minute is not None or has_streams:
            ask = Ask(
                key_id=key.id,
                requests_a_minute=limits.requests_a_minute,
                streams=limits.streams,
                lease=lease or None,
            )
            admission = await self._run(self._rates.admit, ask)
            metered.headers.append(
                (RATE_LIMIT_HEADER, _rate_limit(limits, admission, has_streams=has_streams))
            )
            _require_room(key, limits, admission)
        if lease:
            metered.stream_id, metered.task = lease.id, asyncio.current_task()
            metered.lease = lease if has_streams else None
            self._open[lease.id] = metered

    async def end(self, scope: Scope) -> None:
        """Release a stream's place before its client sees the end and opens another stream."""
        lease = self._remove(scope)
        if lease is not None:
            await self._release(lease)

    def leave(self, scope: Scope) -> None:
        """Release the place of a stream that broke off."""
        lease = self._remove(scope)
        if lease is not None:
            task = asyncio.create_task(self._release(lease))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    def start(self) -> None:
        """Start to renew the leases of open streams and to check their keys."""
        self._checking = asyncio.create_task(self._check_regularly())

    async def close(self) -> None:
        """Stop checking, and finish releasing."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await asyncio.gather(*self._releasing, return_exceptions=True)

    async def _check_regularly(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            if not self._open:
                continue
            try:
                await self._run(
                    self._rates.renew, [m.lease for m in self._open.values() if m.lease]
                )
                await self._end_revoked()
            except RhapsodeError as error:  # the database is away, so no key can be revoked either
                log.warning("streams_not_checked", reason=str(error))
            except Exception:
                log.exception("streams_not_checked")

    async def _end_revoked(self) -> None:
        streams = list(self._open.values())
        sessions = {m.credential for m in streams if m.key and m.key.session_id}
        keys = {m.credential for m in streams} - sessions
        usable = await self._book.still_usable(keys, sessions)
        for metered in streams:
            if metered.credential not in usable and metered.task and not metered.task.done():
                self._book.forget()  # first, because a client that is cut off reconnects at once
                metered.is_ended = True
                metered.task.cancel()

    def _remove(self, scope: Scope) -> Lease | None:
        metered = scope.get("state", {}).get(METERED)
        if metered is None or self._open.pop(metered.stream_id, None) is None:
            return None
        lease: Lease | None = metered.lease
        return lease

    async def _release(self, lease: Lease) -> None:
        await self._run(self._rates.release, lease)

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await run_sync(function, *arguments, limiter=self._limiter)


def _require_room(key: KnownKey, limits: KeyLimits, admission: Admission) -> None:
    if not admission.has_request:
        raise LimitError(
            f"the key {key.name!r} may send {limits.requests_a_minute:,} requests a minute",
            policy=REQUESTS,
            retry_after_s=math.ceil(admission.resets_s),
        )
    if not admission.has_stream:
        raise LimitError(
            f"the key {key.name!r} may have {limits.streams:,} such streams open at a time: "
            "end one, or wait for its end",
            policy=STREAMS,
            retry_after_s=STREAM_ENDS_S,
        )


def _policies(limits: KeyLimits) -> bytes:
    """Format the limits of a key."""
    policies = (
        (REQUESTS, limits.requests_a_minute, f";w={MINUTE_S}"),
        (CHARACTERS, limits.characters_a_day, f";w={DAY_S}"),
        (STREAMS, limits.streams, ';qu="concurrent-requests"'),
        (JOBS, limits.queued_jobs, ""),
    )
    items = (
        f'"{name}";q={quota}{parameters}'
        for name, quota, parameters in policies
        if quota is not None
    )
    return ", ".join(items).encode()


def _rate_limit(limits: KeyLimits, admission: Admission, *, has_streams: bool) -> bytes:
    """Format what is left of the limits that this request counted towards."""
    items = []
    if limits.requests_a_minute is not None:
        remaining = max(0, limits.requests_a_minute - admission.requests)
        items.append(f'"{REQUESTS}";r={remaining};t={math.ceil(admission.resets_s)}')
    if has_streams and limits.streams is not None and admission.has_request:
        items.append(f'"{STREAMS}";r={max(0, limits.streams - admission.streams)}')
    return ", ".join(items).encode()
