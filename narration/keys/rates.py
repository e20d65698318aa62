"""What is counted of keys with limits: requests in a minute, and streams that are open.

Streams are leases that the process that sends them renews: one that was killed frees its own.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

WINDOW_S = 60.0
LEASE_S = 30.0  # a stream of a process that is gone counts for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The place of one stream among those of its key; `kind`: each is counted by itself."""

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
    """What was counted, this request included; `resets_s`: until the minute is over."""

    requests: int = 0
    resets_s: float = WINDOW_S
    streams: int = 0
    has_request: bool = True
    has_stream: bool = True


class Rates(Protocol):
    """Something that counts, for one process or for all that serve."""

    def admit(self, ask: Ask) -> Admission:
        """Count a request and, if it is let in, its stream: in one step."""

    def renew(self, leases: Collection[Lease]) -> None:
        """Say that these streams are still open."""

    def release(self, lease: Lease) -> None:
        """Say that a stream has ended."""


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
        """Count a request and, if it is let in, its stream."""
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
        """Give a place back."""
        with self._guard:
            place = (lease.key_id, lease.kind)
            held = self._streams.get(place, set())
            held.discard(lease.id)
            if not held:
                self._streams.pop(place, None)

    def _count_request(self, ask: Ask) -> tuple[int, float]:
        if ask.requests_a_minute is None:
            return 0, WINDOW_S
        now = self.clock()
        window = self._windows.get(ask.key_id)
        if window is None or now >= window.begins + WINDOW_S:
            window = self._windows[ask.key_id] = _Window(begins=now)
        window.requests += 1
        return window.requests, window.begins + WINDOW_S - now

    def _open_stream(self, ask: Ask) -> tuple[int, bool]:
        if ask.lease is None or ask.streams is None:
            return 0, True
        held = self._streams.setdefault((ask.key_id, ask.lease.kind), set())
        if len(held) >= ask.streams:
            return len(held), False
        held.add(ask.lease.id)
        return len(held), True
