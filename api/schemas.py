"""Request and response bodies, with the examples of the OpenAPI document.

Field names are those of the tables. A job's text never appears in lists or in the job's body.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.job_form import DestinationBody
from narration.jobs.reading_record import ReadingRecord
from narration.jobs.request import JobSettings
from narration.jobs.states import ChunkState, JobKind, JobState
from narration.voices.delivery import DeliverySettings
from narration.voices.record import VoiceState

VoiceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _StoredBody(BaseModel):
    """A body read from a row that another version may have written."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Progress(_Body):
    """The progress of a job. `eta_s` is null until enough is spoken to estimate it."""

    chunks_total: int
    chunks_done: int
    chunks_cached: int
    chunks_flagged: int
    chunks_failed: int
    percent: float
    audio_s: float
    eta_s: float | None


class Timings(_Body):
    """The duration of each step so far, in seconds."""

    queued_and_planning_s: float
    rendering_s: float | None
    assembling_s: float | None


class Warning_(_Body):  # noqa: N801 - `Warning` is Python's own
    """Something a listener may want to check."""

    code: str
    detail: str


class Failure(_Body):
    """Why a job failed, with the codes of problem documents."""

    code: str
    detail: str
    retryable: bool


class Urls(_Body):
    """The addresses of a job's resources."""

    self: str
    chunks: str
    artifacts: str
    events: str
    revisions: str
    listen: str = Field(description="an HLS playlist that needs no key for a few hours")
    cancel: str
    retry: str


class EventData(_StoredBody):
    """The payload of an event; each type uses some of these fields."""

    attempt: int | None = None  # job.queued: the attempt that starts
    revision: int | None = None  # job.rendering: the revision that is being made
    artifacts: list[str] | None = None  # job.succeeded
    error: Failure | None = None  # job.failed
    state: JobState | None = None  # job.progress
    progress: Progress | None = None  # job.progress
    chunk: int | None = None  # chunk.flagged, chunk.failed
    take: int | None = None
    is_cached: bool | None = None
    audio_ms: int | None = None
    flags: list[str] | None = None  # the checks that failed
    detail: str | None = None  # chunk.failed: the reason
    part: int | None = None  # part.stored
    count: int | None = None  # chunks.reset: how many chunks are spoken again, and which
    first: int | None = None
    last: int | None = None


class EventBody(_Body):
    """Something that happened to a job."""

    id: str
    object: Literal["event"] = "event"
    type: str = Field(examples=["job.succeeded"])
    job_id: str
    number: int | None = Field(default=None, description="number within the job; null for progress")
    created_at: datetime
    data: EventData


class SourceBody(_Body):
    """The document as it was submitted."""

    name: str = Field(examples=["book.epub"])
    media_type: str = Field(examples=["application/epub+zip"])
    size_bytes: int
    sha256: str


class EngineBody(_StoredBody):
    """An engine; two engines with the same description produce the same audio."""

    model: str
    revision: str = Field(description="digest of the checkpoint files")
    back_end: str
    precision: str
    device: str
    is_watermarked: bool


class FindingBody(_StoredBody):
    """A check that a take failed: the measured value, and the limit that it exceeded."""

    flag: str
    measured: float
    limit: float
    unit: str
    detail: str | None = Field(None, description="the unknown characters, or the language")


class JobBody(_Body):
    """The current state of a job."""

    id: str
    object: Literal["job"] = "job"
    kind: JobKind = Field(description="a narration, or speech for a waiting listener")
    state: JobState
    attempt: int
    revision: int = Field(
        description="number of the delivery; changing a delivered job makes the next one"
    )
    revision_of: str | None = Field(description="the job whose changed text this one narrates")
    title: str | None
    author: str | None
    settings: JobSettings
    labels: dict[str, str]
    source: SourceBody
    destination: DestinationBody
    voice_digest: str | None
    engines: list[EngineBody] = Field(description="every engine that spoke chunks of this job")
    characters: int
    progress: Progress
    timings: Timings
    reading: ReadingRecord | None = Field(
        description="how the document was read; null until it is planned, and in lists"
    )
    warnings: list[Warning_]
    error: Failure | None
    created_at: datetime
    ended_at: datetime | None
    deadline_at: datetime | None
    expires_at: datetime | None
    urls: Urls


class ChunkBody(_Body):
    """One model call: what was spoken, and the results of the checks."""

    index: int
    segment: int
    chapter: int
    state: ChunkState
    start: int
    end: int
    text: str
    caption: str = Field(
        description="the text as a reader sees it: without markup, not spelled out for speech"
    )
    spoken_text: str
    planned_text: str | None = Field(description="the spoken text before it was corrected")
    delivery: DeliverySettings | None = Field(
        description="where it differs from the job's settings"
    )
    pause_after_ms: int
    take: int | None
    seed: str | None  # a 64-bit number, too large for JavaScript's numbers
    duration_s: float | None
    is_cached: bool
    findings: list[FindingBody]
    error: str | None


class VoiceForm(_Body):
    """The fields sent with an uploaded recording."""

    name: VoiceName


class VoiceBody(_Body):
    """A voice: made from an uploaded recording, or bundled with the model."""

    id: str
    object: Literal["voice"] = "voice"
    name: str
    state: VoiceState
    is_bundled: bool = False
    tags: list[str]
    delivery: DeliverySettings | None = Field(
        description="default delivery settings of jobs with this voice; null: the usual ones"
    )
    consent: str | None
    duration_s: float | None  # of the recording; null if bundled, like the next fields
    recording_sha256: str | None
    digest: str | None
    similarity: float | None = Field(
        description="how similar its speech is to the recording: 1 is the same speaker, "
        "different speakers have about 0.5; null until it is measured"
    )
    error: str | None
    created_at: datetime | None
    preview: str = Field(description="the address of its preview")


class JobPage(_Body):
    """Jobs, newest first."""

    items: list[JobBody]
    next_cursor: str | None


class ChunkPage(_Body):
    """Chunks in the order they are spoken."""

    items: list[ChunkBody]
    next_cursor: str | None


class VoiceList(_Body):
    """The caller's voices, by name, and those bundled with the model."""

    items: list[VoiceBody]
    bundled: list[VoiceBody]
