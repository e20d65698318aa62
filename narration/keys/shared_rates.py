"""Counts shared by all API processes, in Redis or Valkey next to the broker.

One round trip per request, by the server's clock. While the server does not answer, each process
counts by itself: refusing everybody because nobody can count would do more harm than the limits
prevent, and the limits that cost money (characters, jobs) are kept by the database.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import redis

from narration.broker.notices import connect_redis, redis_url
from narration.keys.rates import LEASE_S, WINDOW_S, Admission, Ask, Lease, MemoryRates, Rates
from narration.settings import BrokerSettings
from narration.telemetry import TroubleLog

PAUSE_S = 5.0  # after a failure: requests must not wait for a server that does not answer

# Returns the fields of Admission: requests, milliseconds to the end of the window, streams, and
# which of the two was refused. The window begins with its first request.
ADMIT = """
local requests, left, streams = 0, 0, 0
if tonumber(ARGV[1]) > 0 then
  requests = redis.call('INCR', KEYS[1])
  left = redis.call('PTTL', KEYS[1])
  if left < 0 then
    left = tonumber(ARGV[2])
    redis.call('PEXPIRE', KEYS[1], left)
  end
  if requests > tonumber(ARGV[1]) then return {requests, left, 0, 1} end
end
if tonumber(ARGV[3]) > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  streams = redis.call('ZCARD', KEYS[2])
  if streams >= tonumber(ARGV[3]) then return {requests, left, streams, 2} end
  redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
  streams = streams + 1
end
return {requests, left, streams, 0}
"""
RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""


@dataclass(slots=True, kw_only=True)
class SharedRates:
    """Counts for all processes with the same server."""

    client: redis.Redis
    lease_s: float = LEASE_S
    window_s: float = WINDOW_S
    clock: Callable[[], float] = time.monotonic
    _local: MemoryRates = field(default_factory=MemoryRates)
    _paused_until: float = 0.0
    _trouble: TroubleLog = field(default_factory=lambda: TroubleLog("limits_not_shared"))

    def admit(self, ask: Ask) -> Admission:
        """Count a request and, if it is admitted, its stream, in one round trip."""
        if self.clock() < self._paused_until:
            return self._local.admit(ask)
        lease = ask.lease if ask.streams is not None else None
        kind, lease_id = ("", "") if lease is None else (lease.kind, lease.id)
        streams = 0 if lease is None else ask.streams
        try:
            answer: Any = self.client.eval(
                ADMIT,
                2,
                _place(ask.key_id, "requests"),
                _place(ask.key_id, kind or "streams"),
                *(str(ask.requests_a_minute or 0), str(round(self.window_s * 1000))),
                *(str(streams), str(round(self.lease_s * 1000)), lease_id),
            )
        except (redis.RedisError, OSError) as error:
            self._pause(error)
            return self._local.admit(ask)
        self._trouble.clear()
        requests, left_ms, streams, refused = (int(number) for number in answer)
        return Admission(
            requests=requests,
            resets_s=left_ms / 1000,
            streams=streams,
            has_request=refused != 1,
            has_stream=refused != 2,  # 2: the script refused the stream
        )

    def renew(self, leases: Collection[Lease]) -> None:
        """Extend the leases of open streams, all in one round trip."""
        if not leases or self.clock() < self._paused_until:
            return
        try:
            with self.client.pipeline(transaction=False) as pipeline:
                for lease in leases:
                    key = _place(lease.key_id, lease.kind)
                    pipeline.eval(RENEW, 1, key, str(round(self.lease_s * 1000)), lease.id)
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            self._pause(error)

    def release(self, lease: Lease) -> None:
        """Release a stream's lease; if that fails, it expires."""
        self._local.release(lease)
        if self.clock() < self._paused_until:
            return
        try:
            self.client.zrem(_place(lease.key_id, lease.kind), lease.id)
        except (redis.RedisError, OSError) as error:
            self._pause(error)

    def _pause(self, error: Exception) -> None:
        self._paused_until = self.clock() + PAUSE_S
        self._trouble.note(f"the broker does not count requests: {error}")


def open_rates(broker: BrokerSettings) -> Rates:
    """Return a counter for all processes; without Redis, each process counts by itself."""
    url = redis_url(broker.url) if broker.url else None
    return MemoryRates() if url is None else SharedRates(client=connect_redis(url))


def _place(key_id: str, what: str) -> str:
    # Braces keep the keys of one API key on the same server of a cluster.
    return f"rhapsode:limits:{{{key_id}}}:{what}"
