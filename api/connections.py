"""Closes connections to the HTTP server whose request head does not arrive in time.

Bodies have a limit of their own (api.bodies), and uvicorn closes connections between requests;
nothing else would end a connection that sends its headers one byte at a time.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def bounded_protocol(timeout_s: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with a limit on how long the head of a request may take."""

    class BoundedProtocol(HttpToolsProtocol):
        """Closes a connection whose request line and headers are not complete in time."""

        head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._start_timer()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self.head_timer is None:
                self._start_timer()

        def on_headers_complete(self) -> None:
            self._stop_timer()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def _start_timer(self) -> None:
            self.head_timer = self.loop.call_later(timeout_s, self.transport.close)

        def _stop_timer(self) -> None:
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

    return BoundedProtocol
