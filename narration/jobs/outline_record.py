"""What is kept and told of what a document will become; pure."""

from pydantic import BaseModel, ConfigDict, Field

from narration.jobs.reading_record import ChapterReading, JobWarning, ReadingRecord
from narration.jobs.work import WorkRecord


class OutlinedChapter(ChapterReading):
    """A chapter, and what it will be: `audio_s` and `cached_s` are estimates of seconds.

    `cached_s` is what was spoken before and will not be again; null where nobody can tell.
    """

    number: int
    is_chosen: bool
    chunks: int
    audio_s: float
    cached_s: float | None = None


class OutlineRecord(BaseModel):
    """What will become of a document, as it is kept and told."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str | None
    author: str | None
    work: WorkRecord | None = None  # None in old rows
    source_characters: int
    chunks: int
    audio_s: float = Field(description="estimated length, pauses included")
    cached_s: float | None = None
    chapters_total: int
    chapters: list[OutlinedChapter]
    warnings: list[JobWarning]
    reading: ReadingRecord
