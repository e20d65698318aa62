"""Notices over Redis: tell subscribers in any process that a job has changed.

Like a wake-up, a notice is a hint: it may be lost, and the database says what happened.
"""

import threading
import time
from collections.abc import Collection
from typing import Self

import redis
import structlog
from redis.client import PubSub

from narration.broker.interface import MISSED, Listener
from narration.errors import BrokerUnavailable

CHANGES = "rhapsode:changes"
CALLS = "rhapsode:calls"  # to speaking workers: somebody is waiting for sound
TIMEOUT_S = 1.0  # how long a commit may wait for a broker that does not answer
PAUSE_S = 5.0  # after a failure: a broker that is down must not slow down every commit
LISTEN_S = 0.5  # how soon a closed subscription stops

log = structlog.get_logger(__name__)


class RedisNotices:
    """Publishes and listens; nothing connects before the first notice."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = connect_redis(url)
        self._paused_until = 0.0

    @classmethod
    def at(cls, broker_url: str) -> Self | None:
        """Return the notices of a broker; None if it is not Redis."""
        url = redis_url(broker_url)
        return None if url is None else cls(url)

    def publish(self, notices: Collection[str], *, channel: str = CHANGES) -> int:
        """Publish in one round trip; return how many copies were sent to subscribers.

        Raises: BrokerUnavailable.
        """
        if time.monotonic() < self._paused_until:
            return 0
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for notice in notices:
                    pipeline.publish(channel, notice)
                return sum(pipeline.execute())
        except (redis.RedisError, OSError) as error:
            self._paused_until = time.monotonic() + PAUSE_S
            raise BrokerUnavailable(f"the broker does not accept notices: {error}") from error

    def subscribe(self, listener: Listener, *, channel: str = CHANGES) -> "RedisSubscription":
        """Call `listener` from a separate thread until the subscription is closed."""
        return RedisSubscription(connect_redis(self._url), listener, channel)


class RedisSubscription:
    """A listening thread; after a lost connection it passes on MISSED and continues."""

    def __init__(self, client: redis.Redis, listener: Listener, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._listener = listener
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._end.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._listen()
            except (redis.RedisError, OSError) as error:
                log.warning("notices_not_received", reason=str(error))
                self._end.wait(LISTEN_S)

    def _listen(self) -> None:
        with PubSub(self._client.connection_pool) as channel:
            channel.subscribe(self._channel)
            while not self._end.is_set():
                message = channel.get_message(timeout=LISTEN_S)
                if message is None:
                    continue
                # The first answer: nothing is missed from here on, but anything before may have
                # been.
                is_notice = message["type"] == "message"
                self._listener(message["data"].decode() if is_notice else MISSED)


def redis_url(broker_url: str) -> str | None:
    """Return the Redis URL of a broker; None if it is not Redis."""
    if broker_url.startswith("redis+socket://"):
        return "unix://" + broker_url.removeprefix("redis+socket://")
    return broker_url if broker_url.startswith(("redis://", "rediss://", "unix://")) else None


def connect_redis(url: str) -> redis.Redis:
    """Return a client with time limits on every call; it connects when it is first used."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S, health_check_interval=10
    )
