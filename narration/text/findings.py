"""What can be told of a chunk from its text alone: words that no voice of ours can say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from narration.documents.language import Passage
from narration.text.alphabet import VOICE_LANGUAGE, count_unknown
from narration.text.types import ChunkPlan

_MOST_SHOWN = 12


class TextFlag(StrEnum):
    """What can be wrong with a chunk before it is spoken."""

    UNKNOWN_CHARACTERS = "unknown_characters"
    FOREIGN_LANGUAGE = "foreign_language"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFinding:
    """One thing that is wrong with a chunk's text, in the form of what is wrong with a take.

    `detail` names the characters or the language.
    """

    flag: TextFlag
    measured: float
    limit: float
    unit: str
    detail: str


def judge_text(
    chunks: Sequence[ChunkPlan], passages: Sequence[Passage]
) -> Iterator[tuple[TextFinding, ...]]:
    """Yield the findings of each chunk; `passages`, in order, are in another language."""
    foreign = [passage for passage in passages if passage.language != VOICE_LANGUAGE]
    position = 0
    for chunk in chunks:
        while position < len(foreign) and foreign[position].end <= chunk.start:
            position += 1
        yield tuple(_findings(chunk, foreign[position : position + 1]))


def _findings(chunk: ChunkPlan, next_foreign: Sequence[Passage]) -> Iterator[TextFinding]:
    unknown = count_unknown(chunk.spoken_text)
    if unknown:
        yield TextFinding(
            flag=TextFlag.UNKNOWN_CHARACTERS,
            measured=sum(unknown.values()),
            limit=0,
            unit="characters",
            detail=" ".join(sorted(unknown)[:_MOST_SHOWN]),
        )
    for passage in next_foreign:
        shared = min(passage.end, chunk.end) - max(passage.start, chunk.start)
        if shared > 0:
            yield TextFinding(
                flag=TextFlag.FOREIGN_LANGUAGE,
                measured=shared,
                limit=0,
                unit="characters",
                detail=passage.language,
            )
