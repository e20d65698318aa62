"""What a client sees of a plan."""

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
    """How long a job would be, in seconds; what nobody can tell while no worker is warm is null."""

    audio_s: float = Field(description="the finished sound, pauses included")
    cached_s: float | None = Field(description="of it, what was spoken before and is taken as is")
    cached_percent: float | None
    speech_rate: float | None = Field(
        description="seconds of speech that the warm workers make in a second, as measured"
    )
    rendering_s: float | None = Field(
        description="until all is spoken, if the warm workers did nothing else"
    )


class PlanLinks(_Body):
    """The addresses of what belongs to a plan."""

    self: str


class PlanBody(_Body):
    """What a document would become."""

    id: str
    object: Literal["plan"] = "plan"
    title: str | None
    author: str | None
    work: WorkRecord | None = Field(description="what else the document says of itself")
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
    expires_at: datetime = Field(description="when the plan and its document are dropped")
    urls: PlanLinks
