"""The stored form of an outline; pure."""

from pydantic import BaseModel, ConfigDict, Field

from narration.jobs.reading_record import ChapterReading, JobWarning, ReadingRecord
from narration.jobs.work import WorkRecord


class OutlinedChapter(ChapterReading):
    """A planned chapter; `audio_s` and `cached_s` are estimates in seconds.

    `cached_s` is what the chunk cache already holds; null if unknown.
    """

    number: int
    is_chosen: bool
    chunks: int
    audio_s: float
    cached_s: float | None = None


class OutlineRecord(BaseModel):
    """An outline as it is stored and shown."""

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
