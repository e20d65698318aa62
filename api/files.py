"""A file of this machine as an answer, with the problem documents of this API."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from api.errors import problem_response

REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


class ServedFile(FileResponse):
    """Answers ranges; one that cannot be answered is a problem document."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or what is wrong with the range asked for."""
        is_refused = False

        async def send_or_note(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and message["status"] in REFUSALS:
                is_refused = True
            if not is_refused:
                await send(message)

        await super().__call__(scope, receive, send_or_note)
        if is_refused:
            request = Request(scope)
            asked = request.headers.get("range", "")
            detail = f"the range {asked!r} is not in the file: ask for bytes=FIRST-LAST"
            response = problem_response(request, "range_invalid", detail)
            response.headers["Content-Range"] = f"bytes */{self.headers['content-length']}"
            await response(scope, receive, send)
