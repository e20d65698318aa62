"""Findings on a chunk from its text alone: words that none of our voices can speak."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from narration.documents.language import Passage
from narration.findings import Finding
from narration.text.alphabet import VOICE_LANGUAGE, count_unknown
from narration.text.types import ChunkPlan

_MOST_SHOWN = 12


class TextFlag(StrEnum):
    """What can be wrong with a chunk before it is spoken."""

    UNKNOWN_CHARACTERS = "unknown_characters"
    FOREIGN_LANGUAGE = "foreign_language"


def judge_text(
    chunks: Sequence[ChunkPlan], passages: Sequence[Passage]
) -> Iterator[tuple[Finding, ...]]:
    """Yield the findings of each chunk; `passages`, in order, are in another language."""
    foreign = [passage for passage in passages if passage.language != VOICE_LANGUAGE]
    position = 0
    for chunk in chunks:
        while position < len(foreign) and foreign[position].end <= chunk.start:
            position += 1
        yield tuple(_findings(chunk, foreign[position : position + 1]))


def find_unknown(spoken_text: str) -> Finding | None:
    """Return the findings on a text with characters that a voice cannot speak."""
    unknown = count_unknown(spoken_text)
    if not unknown:
        return None
    return Finding(
        flag=TextFlag.UNKNOWN_CHARACTERS,
        measured=sum(unknown.values()),
        limit=0,
        unit="characters",
        detail=" ".join(sorted(unknown)[:_MOST_SHOWN]),
    )


def _findings(chunk: ChunkPlan, next_foreign: Sequence[Passage]) -> Iterator[Finding]:
    unknown = find_unknown(chunk.spoken_text)
    if unknown is not None:
        yield unknown
    for passage in next_foreign:
        shared = min(passage.end, chunk.end) - max(passage.start, chunk.start)
        if shared > 0:
            yield Finding(
                flag=TextFlag.FOREIGN_LANGUAGE,
                measured=shared,
                limit=0,
                unit="characters",
                detail=passage.language,
            )
