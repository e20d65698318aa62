import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from narration.documents.types import BlockKind
from narration.jobs.cuts import QUIET_MS, cut_parts
from narration.text.types import ChunkPlan


def _chunk(text: str, pause_after_ms: int, chapter: int = 0) -> ChunkPlan:
    return ChunkPlan(
        index=0,
        chapter=chapter,
        kind=BlockKind.PARAGRAPH,
        start=0,
        end=len(text),
        text=text,
        caption=text,
        spoken_text=text,
        pause_after_ms=pause_after_ms,
    )


def _book(seed: int, chunks: int = 400, chapters: int = 1) -> list[ChunkPlan]:
    draw = random.Random(seed)
    return [
        _chunk(
            f"{seed} {number} ".ljust(draw.randint(40, 280), "x"),
            draw.choice([80, 250, 250, 250, 600]),
            number * chapters // chunks,
        )
        for number in range(chunks)
    ]


def _lengths_s(chunks: Sequence[ChunkPlan], cuts: Sequence[int]) -> list[float]:
    ends = [*cuts[1:], len(chunks)]
    return [
        sum(len(c.spoken_text) / 15 + c.pause_after_ms / 1000 for c in chunks[start:end])
        for start, end in zip(cuts, ends, strict=True)
    ]


_PROGRAMMES = st.lists(
    st.builds(
        _chunk,
        st.integers(1, 400).map("x".__mul__),
        st.sampled_from([0, 80, 250, 600]),
    ),
    max_size=60,
)


@given(_PROGRAMMES)
def test_every_chunk_belongs_to_one_part(chunks: list[ChunkPlan]) -> None:
    cuts = cut_parts(chunks)
    assert list(cuts) == sorted(set(cuts))
    assert cuts[:1] == ((0,) if chunks else ())
    assert all(cut < len(chunks) for cut in cuts)


def test_parts_last_about_a_minute_and_the_first_are_short() -> None:
    chunks = [_chunk(f"{number}".ljust(75, "x"), 250) for number in range(400)]
    lengths_s = _lengths_s(chunks, cut_parts(chunks))
    assert lengths_s[0] < 8
    assert lengths_s[1] < 15
    assert lengths_s[2] < 29
    assert all(35 <= length_s <= 85 for length_s in lengths_s[3:-1])


def test_first_part_may_be_a_heading_before_a_long_chunk() -> None:
    chunks = [_chunk("Chapter One", 900), *(_chunk("x" * 280, 250) for _ in range(20))]
    assert cut_parts(chunks)[:2] == (0, 1)


def test_parts_end_in_silences_that_are_long_enough() -> None:
    chunks = _book(2)
    for cut in cut_parts(chunks)[1:]:
        assert chunks[cut - 1].pause_after_ms >= QUIET_MS


def test_parts_end_somewhere_even_without_pauses() -> None:
    chunks = [_chunk(f"{number}".ljust(150, "x"), 0) for number in range(200)]
    lengths_s = _lengths_s(chunks, cut_parts(chunks))
    assert all(length_s <= 90 for length_s in lengths_s[:-1])
    assert lengths_s[-1] <= 180


def test_every_chapter_begins_a_part() -> None:
    chunks = _book(3, chapters=7)
    starts = {n for n in range(1, len(chunks)) if chunks[n].chapter != chunks[n - 1].chapter}
    assert starts <= set(cut_parts(chunks))


def test_a_changed_sentence_seldom_moves_a_cut() -> None:
    moved = 0
    for seed in range(40):
        chunks = _book(seed)
        before = cut_parts(chunks)
        place = random.Random(seed).randrange(len(chunks))
        changed = list(chunks)
        changed[place] = _chunk("changed".ljust(random.Random(-seed).randint(40, 280), "y"), 250)
        moved += len(set(before) ^ set(cut_parts(changed)))
    assert moved / 40 < 2
