"""A load generator: an open loop over kept-alive connections that needs little CPU time.

Requests are sent on a fixed schedule, whether or not earlier ones were answered, and latency counts
from the scheduled time: a server that stalls cannot hide it by slowing the generator down.
"""

import asyncio
import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The requests that were sent, and the sorted latencies in milliseconds."""

    rate: float
    sent: int
    refused: int  # answers that were no success, or did not come
    latencies_ms: list[float]

    def percentile_ms(self, share: float) -> float:
        """Return the latency that `share` of the answers did not exceed."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, math.ceil(share * self.sent) - 1)]


def run_load(
    host: str, port: int, requests: Callable[[int], bytes], *, rate: float, duration_s: float
) -> Load:
    """Send `requests(0)`, `requests(1)`, … at `rate` a second and wait for every answer."""
    # A garbage collection takes a tenth of a second here, and would count as the server's.
    gc.disable()
    try:
        return asyncio.run(_run(host, port, requests, rate, duration_s))
    finally:
        gc.enable()


async def _run(
    host: str, port: int, requests: Callable[[int], bytes], rate: float, duration_s: float
) -> Load:
    idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.LifoQueue()
    latencies_ms: list[float] = []
    refused = 0

    async def send(due: float, request: bytes) -> None:
        nonlocal refused
        try:
            pair = idle.get_nowait()
            status = await _exchange(*pair, request)
        except (asyncio.QueueEmpty, asyncio.IncompleteReadError, ConnectionError):
            # None is free, or the server had closed this one: it may, after five idle seconds.
            try:
                pair = await asyncio.open_connection(host, port)
                status = await _exchange(*pair, request)
            except (asyncio.IncompleteReadError, OSError):
                refused += 1
                return
        latencies_ms.append((time.perf_counter() - due) * 1000)
        refused += status >= 400
        idle.put_nowait(pair)

    count = round(rate * duration_s)
    start = time.perf_counter() + 0.1
    tasks = []
    for number in range(count):
        due = start + number / rate
        if (wait_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        tasks.append(asyncio.create_task(send(due, requests(number))))
    await asyncio.gather(*tasks)
    while not idle.empty():
        idle.get_nowait()[1].close()
    return Load(rate=rate, sent=count, refused=refused, latencies_ms=sorted(latencies_ms))


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    if length:
        await reader.readexactly(int(length))
    return int(head.split(b" ", 2)[1])
