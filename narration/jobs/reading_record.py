"""The stored form of how a job's document was read: the reading report, and warnings; pure."""

from pydantic import BaseModel, ConfigDict, Field


class _Stored(BaseModel):
    """Read from rows that another version may have written."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LanguageRecord(_Stored):
    """The language of a document, and the confidence, from 0 to 1."""

    language: str = Field(examples=["en"])
    confidence: float
    is_told: bool = Field(description="declared by the document itself")


class ChapterReading(_Stored):
    """A chapter as it was read; `part` is empty if the work has no parts.

    `number` counts all chapters of the document from 1; None in old rows.
    """

    number: int | None = None
    title: str
    part: str
    words: int
    characters: int


class PassageRecord(_Stored):
    """source[start:end] is in another language, or alphabet, than the document."""

    start: int
    end: int
    language: str
    alphabet: str


class UnknownRecord(_Stored):
    """A character that the voice cannot speak, how often it occurs, and where first."""

    character: str
    count: int
    start: int
    context: str


class RemarkRecord(_Stored):
    """What a person should know about how the text was read; a warning should be looked at."""

    text: str
    code: str
    is_warning: bool
    start: int | None
    end: int | None


class ReadingRecord(_Stored):
    """What became of a document; `skipped` counts unread characters by reason.

    Chapters, passages and remarks are listed up to a limit; the totals count all.
    """

    title: str | None
    authors: list[str]
    media_type: str
    language: LanguageRecord | None
    words: int
    characters: int
    skipped: dict[str, int] = Field(examples=[{"note": 1200, "page_number": 300}])
    chapters_total: int
    chapters: list[ChapterReading]
    foreign_total: int
    foreign: list[PassageRecord]
    unknown_total: int
    unknown: list[UnknownRecord]
    remarks: list[RemarkRecord]


class JobWarning(_Stored):
    """A warning from planning."""

    code: str
    detail: str
