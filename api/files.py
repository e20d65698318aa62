"""A file of this machine as an answer, with the problem documents of this API."""

from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.types import Message, Receive, Scope, Send

from api.deps import Resources
from api.errors import problem_response
from narration.errors import NotFoundError
from narration.jobs.record import Artifact, Job
from narration.storage.directory import DirectoryStorage

REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


def send_artifact(resources: Resources, job: Job, artifact: Artifact) -> Response:
    """Redirect to a presigned URL of a delivered file; where objects are files, send the file.

    Raises: NotFoundError if somebody has removed it.
    """
    storage = resources.stores.profile(job.destination_profile)
    url = storage.presign(
        artifact.key, expires_s=resources.settings.storage.presign_s, file_name=artifact.name
    )
    if url is not None:
        return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})
    assert isinstance(storage, DirectoryStorage)  # what cannot presign is a directory
    if storage.stat(artifact.key) is None:
        raise NotFoundError(f"the file {artifact.name!r} of job {job.id} was removed")
    path = storage.path_of(artifact.key)
    return ServedFile(path, media_type=artifact.media_type, filename=artifact.name)


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
