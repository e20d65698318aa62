"""Bounds what a connection may send besides bodies, in time and in bytes.

Bodies have limits of their own (api.bodies), and uvicorn closes connections between requests. But
nothing else would end a connection that sends its headers one byte at a time, or without an end:
uvicorn keeps them all, and appends to the address with each block.
"""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problem_kinds import KINDS, MEDIA_TYPE

HEAD_BYTES = 64 * 1024  # of a request line and its headers, after the block they begin in
# Of the headers after a body in chunks, and of the lines between the chunks, per byte of the body.
FRAMING_BYTES_PER_BYTE = 8


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers are too slow or too long.

    The methods are those of uvicorn, and of the parser that calls it.
    """

    head_timeout_s = 60.0
    head_timer: asyncio.TimerHandle | None = None
    is_open = False  # a request has begun, and its body is not complete
    has_begun = False  # it did so in the last block of data, which may hold others' bytes
    body_bytes = other_bytes = 0  # of that request, as received

    def connection_made(self, transport: Any) -> None:
        """Start to wait for a head."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Read a block, and refuse a request that has too much besides its body."""
        before, self.has_begun = self.body_bytes, False
        super().data_received(data)
        if not self.has_begun:
            self.other_bytes += len(data) - (self.body_bytes - before)
        most = HEAD_BYTES + FRAMING_BYTES_PER_BYTE * self.body_bytes
        if self.is_open and self.other_bytes > most and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        """Count anew."""
        super().on_message_begin()
        self.is_open = self.has_begun = True
        self.body_bytes = self.other_bytes = 0
        if self.head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop waiting: the head was in time."""
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what belongs to the body."""
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self.is_open = False
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def _refuse(self) -> None:
        # Not into the response to an earlier request, nor for one whose response has begun.
        is_answered = self.cycle is None or self.cycle.response_complete
        if self.head_timer is not None and is_answered:
            self.transport.write(_refusal())
        self.transport.close()

    def _start_timer(self) -> None:
        self.head_timer = self.loop.call_later(self.head_timeout_s, self.transport.close)

    def _stop_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None


def bounded_protocol(timeout_s: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with limits on how long the head of a request may take and be."""
    return type("Protocol", (BoundedProtocol,), {"head_timeout_s": timeout_s})


def _refusal() -> bytes:
    kind = KINDS["head_too_large"]
    problem = {
        "type": "urn:rhapsode:problem:head_too_large",
        "title": kind.title,
        "status": kind.status,
        "detail": f"the request line and the headers have more than {HEAD_BYTES:,} bytes",
        "code": "head_too_large",
        "what_now": kind.what_now,
        "retryable": kind.is_retryable,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {kind.status} {kind.status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
