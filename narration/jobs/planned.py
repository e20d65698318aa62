"""What planning makes of a document before it is stored: chapters, chunks and parts; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from narration.findings import Finding
from narration.jobs.states import UNSPOKEN_VALUES, ChunkState


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChapter:
    """A chapter of a job, with the number of its first chunk.

    `part` is empty if the work has no parts. `number` counts all chapters of the document from 1,
    including those that are not read; None in old rows, which read all of them.
    """

    title: str
    first_chunk: int
    part: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTake:
    """The take of a spoken chunk that another job inherits, with the chunk's corrections."""

    state: ChunkState
    spoken_text: str
    planned_text: str | None
    voicing: Mapping[str, Any] | None
    first_take: int
    take: int | None
    seed: int | None
    cache_key: str | None
    sha256: str | None
    samples: int | None
    is_watermarked: bool
    level: bytes | None
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChunk:
    """A chunk to be stored: source[start:end]. `kept` if it is already spoken."""

    index: int
    segment: int
    chapter: int
    start: int
    end: int
    text: str
    caption: str
    spoken_text: str
    pause_after_ms: int
    text_findings: tuple[Finding, ...] = ()
    kept: KeptTake | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """Chunks encoded together, [first_chunk, end_chunk), and those that must be spoken before."""

    index: int
    first_chunk: int
    end_chunk: int
    needs_from: int
    needs_end: int


def chunk_rows(chunks: Iterable[PlannedChunk]) -> list[dict[str, Any]]:
    """Return the rows of chunks: pending, except for those with an inherited take."""
    return [_chunk_row(chunk) for chunk in chunks]


def _chunk_row(chunk: PlannedChunk) -> dict[str, Any]:
    row = {name: getattr(chunk, name) for name in PlannedChunk.__dataclass_fields__}
    kept = row.pop("kept")
    unspoken = {**UNSPOKEN_VALUES, "state": ChunkState.PENDING}
    unspoken |= {"planned_text": None, "voicing": None, "first_take": 0}
    inherited = (
        {name: getattr(kept, name) for name in KeptTake.__dataclass_fields__} if kept else {}
    )
    return {**unspoken, **row, **inherited, "is_cached": kept is not None}


def part_rows(parts: Iterable[PlannedPart]) -> list[dict[str, Any]]:
    """Return the rows of parts."""
    return [asdict(part) for part in parts]
