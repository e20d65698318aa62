"""What a job keeps of how its document was read: the reading report, and warnings; pure."""

from pydantic import BaseModel, ConfigDict, Field


class _Stored(BaseModel):
    """Read from a row that another version may have written."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LanguageRecord(_Stored):
    """The language of a document, and how sure that is, from 0 to 1."""

    language: str = Field(examples=["en"])
    confidence: float
    is_told: bool = Field(description="the document says so itself")


class ChapterReading(_Stored):
    """A chapter as it was read; `part` is empty where the work has no parts.

    `number` counts all chapters of the document from 1 on; None in old rows.
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
    """A character that the voice cannot say, how often it comes, and where first."""

    character: str
    count: int
    start: int
    context: str


class RemarkRecord(_Stored):
    """What a person should know about how the text was read; a warning asks for a look."""

    text: str
    code: str
    is_warning: bool
    start: int | None
    end: int | None


class ReadingRecord(_Stored):
    """What came of a document; `skipped` counts characters that are not read, by reason.

    Of chapters, passages and remarks the first are listed; the totals count all.
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
    """What planning warns the reader of."""

    code: str
    detail: str
