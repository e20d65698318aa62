"""Many clients that follow events, in a process of their own and as light as can be.

What arrives is kept as bytes with the time of each read, and is parsed when the load is over: the
clients share the cores with the service that is measured.
"""

import asyncio
import gc
import json
import re
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from multiprocessing.connection import Connection

CONNECTING = 20  # at once: the backlog of a listening socket is not what is measured
CONNECT_S = 120.0
_DATA = re.compile(rb"data: (\{[^\n]*\})\n\n")  # a frame is never split: each is one HTTP chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What one client asks for."""

    port: int
    path: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one client got: the events' ids in order, and how old each new one was."""

    fault: str | None
    ids: list[str] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    is_ended: bool = False  # by the server


def follow(pipe: Connection, followed: list[Followed]) -> None:
    """Connect, say so, follow until told to stop, and send what arrived: a process's target."""
    gc.disable()  # it would take a tenth of a second at a time, and be blamed on the server
    asyncio.run(_follow(pipe, followed))


class _Client(asyncio.Protocol):
    def __init__(self, one: Followed) -> None:
        self._head = (
            f"GET {one.path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {one.key}\r\n\r\n"
        ).encode()
        self.reads: list[tuple[float, bytes]] = []
        self.is_ended = False
        self.has_begun = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.time(), data))
        if not self.has_begun.done():  # the server has set its position: nothing may be missed now
            self.has_begun.set_result(time.time())

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_ended = True
        if not self.has_begun.done():
            self.has_begun.set_result(time.time())

    def received(self) -> Received:
        """Parse what arrived."""
        text = b"".join(data for _, data in self.reads)
        if not text.startswith(b"HTTP/1.1 200 "):
            return Received(fault=text[:200].decode(errors="replace") or "no answer")
        ends = list(accumulate(len(data) for _, data in self.reads))
        ids, delays_s = [], []
        for match in _DATA.finditer(text):
            event = json.loads(match[1])
            ids.append(event["id"])
            created_at = datetime.fromisoformat(event["created_at"]).timestamp()
            if created_at > self.has_begun.result():  # earlier ones waited for the client
                delays_s.append(self.reads[bisect_right(ends, match.start())][0] - created_at)
        return Received(fault=None, ids=ids, delays_s=delays_s, is_ended=self.is_ended)


async def _follow(pipe: Connection, followed: list[Followed]) -> None:
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(CONNECTING)

    async def connect(one: Followed) -> _Client | str:
        async with places:
            try:
                async with asyncio.timeout(CONNECT_S):
                    _, client = await loop.create_connection(
                        lambda: _Client(one), "127.0.0.1", one.port
                    )
                    await client.has_begun
            except OSError as error:
                return repr(error)
            return client

    began = time.perf_counter()
    clients = await asyncio.gather(*map(connect, followed))
    pipe.send(time.perf_counter() - began)
    await loop.run_in_executor(None, pipe.recv)
    received = [
        Received(fault=client) if isinstance(client, str) else client.received()
        for client in clients
    ]
    pipe.send(received)
