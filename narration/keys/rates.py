"""Counts for keys with limits: requests per minute, and open streams.

Streams are leases that are renewed by the process that sends them: those of a killed process
expire.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

WINDOW_S = 60.0
LEASE_S = 30.0  # how long a stream of a dead process still counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One stream of a key; streams are counted separately by `kind`."""

    key_id: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request of a key, with the limits that apply to it; `lease` if it opens a stream."""

    key_id: str
    requests_a_minute: int | None = None
    streams: int | None = None
    lease: Lease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The counts including this request; `resets_s`: seconds until the minute is over."""

    requests: int = 0
    resets_s: float = WINDOW_S
    streams: int = 0
    has_request: bool = True
    has_stream: bool = True


class Rates(Protocol):
    """A counter, for one process or for all API processes."""

    def admit(self, ask: Ask) -> Admission:
        """Count a request and, if it is admitted, its stream: in one step."""

    def renew(self, leases: Collection[Lease]) -> None:
        """Extend the leases of streams that are still open."""

    def release(self, lease: Lease) -> None:
        """Release the lease of a stream that has ended."""


@dataclass(slots=True, kw_only=True)
class _Window:
    begins: float
    requests: int = 0


@dataclass(slots=True, kw_only=True)
class MemoryRates:
    """Counts for one process."""

    clock: Callable[[], float] = time.monotonic
    _windows: dict[str, _Window] = field(default_factory=dict)
    _streams: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, ask: Ask) -> Admission:
        """Count a request and, if it is admitted, its stream."""
        with self._guard:
            requests, resets_s = self._count_request(ask)
            if ask.requests_a_minute is not None and requests > ask.requests_a_minute:
                return Admission(requests=requests, resets_s=resets_s, has_request=False)
            streams, has_stream = self._open_stream(ask)
        return Admission(
            requests=requests, resets_s=resets_s, streams=streams, has_stream=has_stream
        )

    def renew(self, leases: Collection[Lease]) -> None:
        """Do nothing: the streams of a process end with it."""

    def release(self, lease: Lease) -> None:
        """Release the lease of a stream."""
        with self._guard:
            place = (lease.key_id, lease.kind)
            open_streams = self._streams.get(place, set())
            open_streams.discard(lease.id)
            if not open_streams:
                self._streams.pop(place, None)

    def _count_request(self, ask: Ask) -> tuple[int, float]:
        if ask.requests_a_minute is None:
            return 0, WINDOW_S
        now = self.clock()
        window = self._windows.get(ask.key_id)
        if window is None or now >= window.begins + WINDOW_S:
            window = self._windows[ask.key_id] = _Window(begins=now)
        window.requests += 1
        return window.requests, WINDOW_S - (now - window.begins)

    def _open_stream(self, ask: Ask) -> tuple[int, bool]:
        if ask.lease is None or ask.streams is None:
            return 0, True
        open_streams = self._streams.setdefault((ask.key_id, ask.lease.kind), set())
        if len(open_streams) >= ask.streams:
            return len(open_streams), False
        open_streams.add(ask.lease.id)
        return len(open_streams), True
