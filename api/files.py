"""Responses that send a local file, with this API's problem documents."""

import re
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.types import Message, Receive, Scope, Send

from api.deps import Resources
from api.errors import problem_response
from narration.errors import NotFoundError
from narration.jobs.history import PastArtifact
from narration.jobs.record import Artifact, Job
from narration.storage.directory import DirectoryStorage
from narration.storage.interface import Storage

_WHOLE = frozenset({"audio", "captions"})  # artifacts of which a job has one in each format
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*]')  # of files, on some system or other
_MAX_NAME = 100
REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


def send_artifact(resources: Resources, job: Job, artifact: Artifact | PastArtifact) -> Response:
    """Answer with a delivered file; see stored_file.

    Raises: NotFoundError if somebody has removed it.
    """
    return stored_file(
        resources.stores.profile(job.destination_profile),
        artifact.key,
        media_type=artifact.media_type,
        file_name=download_name(job, artifact.name),
        expires_s=resources.settings.storage.presign_s,
    )


def download_name(job: Job, name: str) -> str:
    """Return what an artifact is called on the machine of whoever downloads it: by its work.

    Ten books would all be "audio.m4b" in one folder of downloads.
    """
    title = " ".join(_NOT_IN_NAMES.sub(" ", job.title or "").split())[:_MAX_NAME].strip(" .")
    stem, _, suffix = name.rpartition(".")
    if not title or suffix == "json":
        return name
    return f"{title}.{suffix}" if stem in _WHOLE else f"{title} - {name}"


def stored_file(
    storage: Storage, key: str, *, media_type: str, file_name: str, expires_s: int
) -> Response:
    """Answer with an object: a presigned URL or, where objects are local files, the file.

    Raises: NotFoundError if it is not there any more.
    """
    url = storage.presign(key, expires_s=expires_s, file_name=file_name)
    if url is not None:
        return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})
    assert isinstance(storage, DirectoryStorage)  # only a directory cannot presign
    if storage.stat(key) is None:
        raise NotFoundError(f"the file {file_name!r} was removed from its folder")
    return ServedFile(storage.path_of(key), media_type=media_type, filename=file_name)


class ServedFile(FileResponse):
    """Answers range requests; an invalid range gets a problem document."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or a problem document for an invalid range."""
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
            range_header = request.headers.get("range", "")
            detail = f"the range {range_header!r} is not in the file: ask for bytes=FIRST-LAST"
            response = problem_response(request, "range_invalid", detail)
            response.headers["Content-Range"] = f"bytes */{self.headers['content-length']}"
            await response(scope, receive, send)
