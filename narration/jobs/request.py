"""How one job is to be narrated; the same object in a request, an option list and the database.

Knows nothing of where the job runs. Unknown fields are refused: a typo must not render a whole book
with the defaults.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from narration.documents.types import READABLE_SKIPS, SkipReason
from narration.field_types import Line, Number
from narration.text.english import English
from narration.text.types import ChunkLimits, PauseLimits
from narration.voices.delivery import DeliverySettings

MAX_LABELS = 32
MAX_TEXT_CHARS = 200
DAY_S = 86_400
MAX_RETENTION_S = 3650 * DAY_S  # ten years
MAX_DEADLINE_S = 365 * DAY_S
MAX_LISTED_OUTPUTS = 64  # before duplicates are dropped
MAX_CHAPTERS = 100_000
MAX_LISTED_CHAPTERS = 10_000  # before duplicates are dropped

Text = Annotated[Line, Field(max_length=MAX_TEXT_CHARS)]
PauseMs = Annotated[int, Field(ge=0, le=30_000), Number]
RetentionS = Annotated[int, Field(ge=60, le=MAX_RETENTION_S), Number]
ChapterNumber = Annotated[int, Field(ge=1, le=MAX_CHAPTERS), Number]
DeadlineS = Annotated[int, Field(ge=1, le=MAX_DEADLINE_S), Number]


class OutputFormat(StrEnum):
    """A file format that a job can deliver; the value is also the file extension."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    OPUS = "opus"
    M4A = "m4a"
    M4B = "m4b"
    VTT = "vtt"
    SRT = "srt"


Outputs = Annotated[tuple[OutputFormat, ...], Field(max_length=MAX_LISTED_OUTPUTS)]
CAPTIONS = frozenset({OutputFormat.VTT, OutputFormat.SRT})


class QualityPolicy(StrEnum):
    """What happens to a chunk that fails its checks in every take.

    strict: the job fails. flag: the job succeeds with a warning. off: nothing is retaken.
    """

    STRICT = "strict"
    FLAG = "flag"
    OFF = "off"


class Split(StrEnum):
    """How a job's sound is divided into files."""

    CHAPTER = "chapter"


class OtherLanguage(StrEnum):
    """What happens to a document in a language that the voices do not speak.

    refuse: it is not narrated. read: it is read as if it were in theirs.
    """

    REFUSE = "refuse"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """The parts of a job's settings that readers of documents need."""

    spoken: frozenset[SkipReason] = frozenset()
    chapters: tuple[int, ...] | None = None  # numbers of the chapters to read; None: all
    other_language: OtherLanguage = OtherLanguage.REFUSE


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Voicing(_Part):
    """Settings for one chunk that differ from its job's; None: the same as the job's."""

    delivery: DeliverySettings | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63), Number] | None = None


class PauseSettings(_Part):
    """The silence after a chunk, by what ends there."""

    clause_ms: PauseMs = 80
    line_ms: PauseMs = 150
    sentence_ms: PauseMs = 250
    paragraph_ms: PauseMs = 600
    heading_ms: PauseMs = 900
    chapter_ms: PauseMs = 1800


class LoudnessSettings(_Part):
    """The target loudness of the whole programme."""

    target_lufs: Annotated[float, Field(ge=-40, le=-8), Number] = -18.0
    peak_db: Annotated[float, Field(ge=-12, le=0), Number] = -1.5


class QualitySettings(_Part):
    """How chunks are checked: takes per chunk, and the effect of a flagged chunk on the job."""

    policy: QualityPolicy = QualityPolicy.FLAG
    max_takes: Annotated[int, Field(ge=1, le=8), Number] = 3


class JobSettings(_Part):
    """Everything a caller may choose about a job."""

    voice: Annotated[Line, Field(min_length=1, max_length=64)] = "default"  # a name or an id
    delivery: DeliverySettings = DeliverySettings()
    # Fixed by default, so that equal requests share their audio.
    seed: Annotated[int, Field(ge=0, lt=2**63), Number] = 0
    max_chars: Annotated[int, Field(ge=40, le=400), Number] = 280
    english: English = English.AMERICAN  # decides the order of dates, and some words
    pauses: PauseSettings = PauseSettings()
    loudness: Annotated[
        LoudnessSettings | None, Field(description="null leaves the level as it is")
    ] = LoudnessSettings()
    quality: QualitySettings = QualitySettings()
    # Text that is normally skipped for one of these reasons is read.
    spoken: Annotated[tuple[SkipReason, ...], Field(max_length=len(SkipReason))] = ()
    other_language: OtherLanguage = OtherLanguage.REFUSE
    # Empty if nothing is delivered, because the speech is streamed.
    outputs: Outputs = (OutputFormat.M4B,)
    split: Annotated[
        Split | None, Field(description="chapter: each chapter is a file of its own")
    ] = None
    chapters: Annotated[
        tuple[ChapterNumber, ...] | None,
        Field(
            min_length=1,
            max_length=MAX_LISTED_CHAPTERS,
            description="numbers of the chapters to read, from 1 on; null: all",
        ),
    ] = None
    title: Text | None = None  # replaces the document's own
    author: Text | None = None
    priority: Annotated[int, Field(ge=0, le=9), Number] = 5  # higher goes first
    retention_s: RetentionS | None = None  # after the job ends; null: never deleted
    deadline_s: DeadlineS | None = None  # after submission
    labels: Annotated[dict[Text, Text], Field(max_length=MAX_LABELS)] = {}

    @field_validator("outputs")
    @classmethod
    def _each_output_once(cls, outputs: tuple[OutputFormat, ...]) -> tuple[OutputFormat, ...]:
        return tuple(dict.fromkeys(outputs))

    @field_validator("chapters")
    @classmethod
    def _each_chapter_once(cls, chapters: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return chapters and tuple(sorted(set(chapters)))

    @field_validator("spoken")
    @classmethod
    def _only_what_has_words(cls, spoken: tuple[SkipReason, ...]) -> tuple[SkipReason, ...]:
        silent = [reason.value for reason in spoken if reason not in READABLE_SKIPS]
        if silent:
            raise ValueError(
                f"{', '.join(silent)} cannot be read aloud: choose among "
                f"{', '.join(sorted(READABLE_SKIPS))}"
            )
        return tuple(sorted(set(spoken)))

    @property
    def reading(self) -> ReadingOptions:
        """Return the options for reading the document."""
        return ReadingOptions(
            spoken=frozenset(self.spoken),
            chapters=self.chapters,
            other_language=self.other_language,
        )

    @property
    def chunk_limits(self) -> ChunkLimits:
        """Return the limits on the length of a chunk."""
        return ChunkLimits(max_chars=self.max_chars)

    @property
    def pause_limits(self) -> PauseLimits:
        """Return the silence between chunks."""
        return PauseLimits(**self.pauses.model_dump())
