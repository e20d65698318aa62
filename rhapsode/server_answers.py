"""What `rhapsode submit` reads of a server's answers.

Fields that it does not know are ignored, since a server may be newer than its client.
"""

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narration.errors import InputError
from narration.jobs.reading_record import JobWarning

if TYPE_CHECKING:
    import httpx


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ServerProgress(_Answer):
    """How much of a job is done."""

    chunks_total: int
    chunks_done: int
    chunks_cached: int
    chunks_flagged: int
    audio_s: float


class ServerTimings(_Answer):
    """The duration of a job's steps so far."""

    rendering_s: float | None


class ServerError(_Answer):
    """Why a job failed."""

    code: str
    detail: str
    retryable: bool


class ServerUrls(_Answer):
    """The addresses of a job's resources, relative to the server's host."""

    job: str = Field(alias="self")
    artifacts: str
    retry: str


class ServerJob(_Answer):
    """A job. Its state is a plain string, because a newer server may know other states."""

    id: str
    state: str
    progress: ServerProgress
    timings: ServerTimings
    error: ServerError | None
    warnings: tuple[JobWarning, ...]
    urls: ServerUrls


class ServerChapter(_Answer):
    """A chapter of a plan."""

    is_chosen: bool


class ServerReading(_Answer):
    """What was read of a document."""

    words: int


class ServerEstimate(_Answer):
    """What a plan would become."""

    audio_s: float


class ServerPlanUrls(_Answer):
    """The address of a plan, relative to the server's host."""

    plan: str = Field(alias="self")


class ServerPlan(_Answer):
    """A plan; of a very long list of chapters, only the first are in `chapters`."""

    chapters: tuple[ServerChapter, ...]
    chapters_total: int
    chunks: int
    reading: ServerReading
    estimate: ServerEstimate
    warnings: tuple[JobWarning, ...]
    urls: ServerPlanUrls


class ServerVoice(_Answer):
    """A voice; `error` says why its recording cannot become one."""

    id: str
    state: str
    error: str | None = None


class ServerArtifact(_Answer):
    """A delivered file."""

    name: str
    url: str
    sha256: str


class ServerArtifacts(_Answer):
    """The files of a job's latest delivery."""

    items: tuple[ServerArtifact, ...]


Answer = TypeVar("Answer", bound=BaseModel)


def read_answer(kind: type[Answer], response: "httpx.Response") -> Answer:
    """Parse a successful answer.

    Raises: InputError if it is something else: the URL may lead to another service.
    """
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"])) or "body"
        raise InputError(
            f"{response.request.method} {response.url} was not answered as by Rhapsode "
            f"({field}: {problem['msg']}): check the server's URL and its version"
        ) from error
