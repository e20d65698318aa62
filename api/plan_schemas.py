"""Response bodies for plans."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.job_form import DestinationBody
from api.schemas import SourceBody, Warning_
from narration.jobs.outline_record import OutlinedChapter
from narration.jobs.reading_record import ReadingRecord
from narration.jobs.request import JobSettings
from narration.jobs.work import WorkRecord


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(_Body):
    """The estimated duration of a job in seconds; null where only a warm worker could tell."""

    audio_s: float = Field(description="duration of the finished audio, pauses included")
    cached_s: float | None = Field(description="the part of it that is reused from earlier jobs")
    cached_percent: float | None
    speech_rate: float | None = Field(
        description="measured speed of the warm workers: seconds of speech per second"
    )
    rendering_s: float | None = Field(
        description="time to speak it all if the warm workers did nothing else"
    )


class PlanLinks(_Body):
    """The addresses of a plan's resources."""

    self: str


class PlanBody(_Body):
    """A plan: what a document would become as a job."""

    id: str
    object: Literal["plan"] = "plan"
    title: str | None
    author: str | None
    work: WorkRecord | None = Field(description="further metadata of the document")
    settings: JobSettings
    source: SourceBody
    destination: DestinationBody
    source_characters: int
    chunks: int
    chapters_total: int
    chapters: list[OutlinedChapter] = Field(description="the first thousand")
    estimate: Estimate
    reading: ReadingRecord
    warnings: list[Warning_]
    created_at: datetime
    expires_at: datetime = Field(description="when the plan and its document are deleted")
    urls: PlanLinks
