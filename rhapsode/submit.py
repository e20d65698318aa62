"""Have a server narrate a file: begin, then finish; a second run continues the first.

The idempotency key is a digest of the request, so that the same command finds its own job.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from narration.errors import (
    ConflictError,
    InputError,
    RecordingError,
    TransientError,
)
from narration.jobs.request import JobSettings
from narration.jobs.states import ENDED, JobState
from narration.voices.record import VoiceState
from rhapsode.http_client import MAX_UPLOAD_BYTES, ApiClient, Upload
from rhapsode.inputs import STDIN, STDIN_NAME, read_input
from rhapsode.outputs import Output, make_folder, place_of
from rhapsode.progress import Rendered
from rhapsode.server_answers import ServerArtifacts, ServerJob, ServerPlan, ServerVoice, read_answer

POLL_S = 1.0
VOICE_POLL_S = 2.0
MAX_VOICE_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrationRequest:
    """What to narrate, how, and where the results go, on the server and locally."""

    text: Upload
    settings: JobSettings
    outputs: list[Output]
    recording: Path | None = None  # a voice to create first
    prefix: str = ""  # of the destination on the server
    profile: str = "default"
    cover: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A job that a server has accepted, and where its files go."""

    job: ServerJob
    outputs: list[Output]
    is_split: bool


def begin(
    client: ApiClient,
    request: NarrationRequest,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Begun:
    """Submit a text to the server; the job of an earlier run is found, and retried if it failed.

    Raises: InputError if the server refuses; TransientError if another try may succeed.
    """
    settings = request.settings
    if request.recording is not None:
        voice_id = ensure_voice(client, request.recording, sleep=sleep)
        settings = settings.model_copy(update={"voice": voice_id})
    job = _send(client, request, settings)
    if job.state in {JobState.FAILED, JobState.CANCELED}:
        # The job of an earlier run: finished chunks are kept, the rest is retried.
        job = _retry(client, job)
    return Begun(job=job, outputs=request.outputs, is_split=settings.split is not None)


def plan(client: ApiClient, request: NarrationRequest) -> ServerPlan:
    """Return what the server would make of a text; nothing of it is kept, and nothing is spoken.

    Raises: InputError if the server refuses; TransientError if another try may succeed.
    """
    fields = {"job": _form(request, request.settings)}
    planned = read_answer(ServerPlan, client.upload("/v1/plans", request.text, fields))
    client.request("DELETE", planned.urls.plan)
    return planned


def finish(
    client: ApiClient,
    begun: Begun,
    show: Callable[[Rendered], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> ServerJob:
    """Wait for a job, fetch its files, and return it.

    Raises: InputError if the job fails for good; TransientError if another try may succeed.
    """
    job = _wait(client, begun.job, show, sleep)
    if job.state != JobState.SUCCEEDED:
        raise _failure(job)
    _deliver(client, job, begun.outputs, is_split=begun.is_split)
    return job


def ensure_voice(
    client: ApiClient, recording: Path, *, sleep: Callable[[float], None] = time.sleep
) -> str:
    """Upload a recording unless the server has it, wait for its voice, and return the voice's id.

    Raises: DocumentError if it cannot be read; RecordingError if it cannot become a voice;
    InputError, TransientError.
    """
    upload = Upload(name=recording.name, data=read_input(recording, MAX_UPLOAD_BYTES))
    digest = hashlib.sha256(upload.data).hexdigest()
    # The digest makes the name unique: a different recording of the same name is another voice.
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", recording.stem).strip("-_")[:MAX_VOICE_NAME]
    fields = {"name": f"{stem or 'voice'}-{digest[:8]}"}
    voice = read_answer(ServerVoice, client.upload("/v1/voices", upload, fields))
    while voice.state == VoiceState.PREPARING:
        sleep(VOICE_POLL_S)
        voice = read_answer(ServerVoice, client.request("GET", f"/v1/voices/{voice.id}"))
    if voice.state == VoiceState.FAILED:
        raise RecordingError(f"{recording} cannot become a voice: {voice.error}")
    return voice.id


def read_text(file: Path) -> Upload:
    """Read the text to submit, from standard input for `-`.

    Raises: DocumentError if it cannot be read.
    """
    name = STDIN_NAME if file == STDIN else file.name
    return Upload(name=name, data=read_input(file, MAX_UPLOAD_BYTES))


def _form(request: NarrationRequest, settings: JobSettings) -> str:
    destination = {"profile": request.profile, "prefix": request.prefix}
    form = settings.model_dump(mode="json") | {"destination": destination}
    return json.dumps(form, sort_keys=True)


def _send(client: ApiClient, request: NarrationRequest, settings: JobSettings) -> ServerJob:
    form = _form(request, settings)
    document = hashlib.sha256(request.text.data).hexdigest()
    cover = hashlib.sha256(request.cover).hexdigest() if request.cover else ""
    content = f"{request.text.name}\0{document}\0{form}\0{cover}"
    key = hashlib.sha256(content.encode()).hexdigest()
    answer = client.upload(
        "/v1/jobs",
        request.text,
        {"job": form},
        others={"cover": request.cover} if request.cover else None,
        headers={"Idempotency-Key": f"submit-{key}"},
    )
    return read_answer(ServerJob, answer)


def _retry(client: ApiClient, job: ServerJob) -> ServerJob:
    try:
        return read_answer(ServerJob, client.request("POST", job.urls.retry))
    except ConflictError:
        # The response to an earlier try may have been lost, so that the job was retried already.
        current = _fetch(client, job)
        if current.state in {JobState.FAILED, JobState.CANCELED}:
            raise
        return current


def _fetch(client: ApiClient, job: ServerJob) -> ServerJob:
    return read_answer(ServerJob, client.request("GET", job.urls.job))


def _wait(
    client: ApiClient,
    job: ServerJob,
    show: Callable[[Rendered], None],
    sleep: Callable[[float], None],
) -> ServerJob:
    started = time.monotonic()
    while True:
        show(_rendered(job, time.monotonic() - started))
        if job.state in ENDED:
            return job
        # More often than a program would poll, because a person is watching.
        sleep(POLL_S)
        job = _fetch(client, job)


def _rendered(job: ServerJob, elapsed_s: float) -> Rendered:
    return Rendered(
        state=job.state,
        chunks_done=job.progress.chunks_done,
        chunks_total=job.progress.chunks_total,
        audio_s=job.progress.audio_s,
        # As measured by the server, since this command may have joined a job that ran for hours.
        elapsed_s=job.timings.rendering_s or elapsed_s,
    )


def _failure(job: ServerJob) -> InputError | TransientError:
    if job.error is None:
        return InputError(f"job {job.id} was {job.state}: run the same command to go on")
    words = f"job {job.id} failed: {job.error.detail}"
    failure = TransientError(words) if job.error.retryable else InputError(words)
    failure.code = job.error.code
    return failure


def _deliver(client: ApiClient, job: ServerJob, outputs: list[Output], *, is_split: bool) -> None:
    artifacts = read_answer(ServerArtifacts, client.request("GET", job.urls.artifacts)).items
    for output in outputs:
        matches = [item for item in artifacts if item.name.endswith(f".{output.format}")]
        if not matches:
            raise InputError(f"job {job.id} delivered no {output.format} file")
        for item in matches:
            path = place_of(output, item.name, is_split=is_split)
            make_folder(path)
            client.download(item.url, path, sha256=item.sha256)
