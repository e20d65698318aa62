"""The result of planning a text: chunks to speak and a partition of the source."""

from dataclasses import dataclass
from enum import StrEnum

from narration.documents.types import BlockKind, SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLimits:
    """How long a chunk may be, in spoken characters.

    Chatterbox garbles texts above about 300 characters and adds sounds to very short lines.
    `opening` are the target lengths of the first chunks of a text that a client waits to hear.
    """

    max_chars: int = 280
    min_chars: int = 25
    opening: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLimits:
    """The silence after a chunk, by what ends there. The largest that applies is used."""

    clause_ms: int = 80  # a long sentence was cut here
    line_ms: int = 150  # a line of verse
    sentence_ms: int = 250
    paragraph_ms: int = 600
    heading_ms: int = 900
    chapter_ms: int = 1800


class SpanKind(StrEnum):
    """What became of a piece of the source."""

    CHUNK = "chunk"
    PAUSE = "pause"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """source[start:end] is spoken in chunk number `chunk`, heard as a pause, or skipped."""

    kind: SpanKind
    start: int
    end: int
    chunk: int | None = None
    reason: SkipReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlan:
    """What one model call speaks.

    `text` is source[start:end] with its markup, `caption` the same words in one line as a reader
    sees them, `spoken_text` the input of the model. `chapter` is an index into `Plan.chapters`.
    """

    index: int
    chapter: int
    kind: BlockKind
    start: int
    end: int
    text: str
    caption: str
    spoken_text: str
    pause_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChapterPlan:
    """A chapter with text to speak: its titles (see Chapter) and its first chunk.

    `number` counts all chapters of the document from 1.
    """

    title: str
    first_chunk: int
    number: int
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan that covers every character: concatenated, the spans are the source."""

    chunks: tuple[ChunkPlan, ...]
    chapters: tuple[ChapterPlan, ...]
    spans: tuple[Span, ...]

    @property
    def skipped(self) -> tuple[Span, ...]:
        """The pieces that are not read aloud, each with its reason."""
        return tuple(span for span in self.spans if span.kind is SpanKind.SKIPPED)
