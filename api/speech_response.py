"""The response to a request for speech: streamed while spoken, canceled if the client leaves.

A failure before the first byte gets a problem document. A later failure closes the connection
before the response is complete, so that no client takes half a text for the whole.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from fastapi import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.event_stream import MEDIA_TYPE as SSE
from api.sounding import Listener, SoundReader
from narration.errors import RhapsodeError
from narration.sound.streams import MEDIA_TYPES
from narration.telemetry import log_step

STALLED_S = 300.0  # for a client to accept a piece; players accept at playback speed
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

log = structlog.get_logger(__name__)


class SpeechResponse(Response):
    """Streams a job's sound; `cancel` ends the job if the stream breaks off."""

    def __init__(
        self, request: Request, listener: Listener, *, is_sse: bool, usage: Mapping[str, int],
        cancel: Callable[[], Any],
    ) -> None:  # fmt: skip
        self._reader: SoundReader = request.app.state.sound
        self._listener = listener
        self._frames = _events if is_sse else _bare
        self._usage = usage
        self._cancel = cancel
        self._has_begun = False
        self._is_complete = False
        media_type = SSE if is_sse else MEDIA_TYPES[listener.stream_format]
        super().__init__(media_type=media_type, headers={**HEADERS, "X-Job-Id": listener.job_id})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until everything is spoken, the client is gone, or the job has failed.

        Raises: any error that occurs before the first byte.
        """
        del scope
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_wait_until_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                self._end(sending)
        finally:
            for task in (sending, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
            if not self._is_complete:
                await self._cancel_job()

    def _end(self, sending: "asyncio.Task[None]") -> None:
        error = sending.exception()
        if error is None:
            return
        if not self._has_begun or not isinstance(error, RhapsodeError | OSError | TimeoutError):
            raise error
        # Returning now leaves the response incomplete, and the server closes the connection.
        log.warning("speech_broken_off", job_id=self._listener.job_id, reason=str(error))

    async def _cancel_job(self) -> None:
        try:
            await self._reader.run(self._cancel)
        except RhapsodeError as error:  # it is spoken to its end, and purged like any other
            log.warning("speech_not_canceled", job_id=self._listener.job_id, reason=str(error))

    async def _send(self, send: Send) -> None:
        frames = self._frames(self._reader.pieces(self._listener), self._usage)
        async for frame in frames:
            if not self._has_begun:
                self._has_begun = True
                log_step("encoded")
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
            await _send_in_time(send, frame, has_more=True)
        await _send_in_time(send, b"", has_more=False)
        self._is_complete = True


async def _bare(pieces: AsyncIterator[bytes], _: Mapping[str, int]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece


async def _events(pieces: AsyncIterator[bytes], usage: Mapping[str, int]) -> AsyncIterator[bytes]:
    """Wrap the stream in OpenAI's events; their audio, decoded and joined, is the stream."""
    async for piece in pieces:
        if piece:
            yield _event(type="speech.audio.delta", audio=base64.b64encode(piece).decode())
    yield _event(type="speech.audio.done", usage=dict(usage))


def _event(**data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


async def _send_in_time(send: Send, body: bytes, *, has_more: bool) -> None:
    message: Message = {"type": "http.response.body", "body": body, "more_body": has_more}
    async with asyncio.timeout(STALLED_S):
        await send(message)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
