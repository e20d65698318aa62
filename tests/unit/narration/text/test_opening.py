import pytest

from narration.documents.read import read_document
from narration.text.chunk import plan_chunks
from narration.text.types import ChunkLimits, Plan

OPENING = (30, 70, 140)
PROSE = (
    "When the river had gone down again, the miller walked out to look at the wheel, which had "
    "not turned since the autumn. Nobody in the valley could remember such a spring, though many "
    "pretended to, and the old people counted the swallows. There were eleven of them. "
) * 4


def plan(text: str, opening: tuple[int, ...] = OPENING) -> Plan:
    document = read_document(text.encode(), name="a.txt")
    planned = plan_chunks(document, ChunkLimits(opening=opening))
    assert "".join(document.source[s.start : s.end] for s in planned.spans) == document.source
    return planned


def test_the_first_chunk_is_a_clause_and_later_ones_grow() -> None:
    lengths = [len(chunk.spoken_text) for chunk in plan(PROSE).chunks]
    assert 20 <= lengths[0] <= 48
    assert lengths[0] < lengths[1] <= 112
    assert max(lengths[2:]) <= 280
    assert len(lengths) < 12


def test_nothing_is_said_otherwise_than_without_an_opening() -> None:
    def words(planned: Plan) -> list[str]:
        spoken = " ".join(chunk.spoken_text for chunk in planned.chunks)
        return "".join(c if c.isalnum() else " " for c in spoken.lower()).split()

    text = f"In 1999, Mr. J. Smith paid $5 million, i.e. far too much, for it. {PROSE}"
    assert words(plan(text)) == words(plan(text, ()))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("The kettle is on the stove now. " + PROSE, "The kettle is on the stove now."),
        ("A quiet morning by the sea, and nobody about. " + PROSE, "A quiet morning by the sea,"),
    ],
)
def test_it_ends_where_a_reader_would_pause(text: str, first: str) -> None:
    assert plan(text).chunks[0].caption == first


@pytest.mark.parametrize("text", ["Hello.", "A short line that is spoken in one go.", "Yes. No."])
def test_a_short_text_is_spoken_whole(text: str) -> None:
    assert [chunk.text for chunk in plan(text).chunks] == [text]


def test_a_heading_counts_as_the_first_chunk() -> None:
    chunks = plan(f"CHAPTER ONE\n\n{PROSE}").chunks
    assert len(chunks[1].spoken_text) <= 112
