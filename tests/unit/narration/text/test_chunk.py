import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason
from narration.errors import DocumentError, SettingsError
from narration.text.chunk import plan_chunks
from narration.text.english import English
from narration.text.types import ChunkLimits, PauseLimits, Plan, SpanKind


def _document(text: str, name: str = "a.txt") -> Document:
    return read_document(text.encode(), name=name)


def _plan(text: str, name: str = "a.txt", **limits: int) -> Plan:
    return plan_chunks(_document(text, name), ChunkLimits(**limits))


def _assert_whole(document: Document, plan: Plan) -> None:
    source = document.source
    assert "".join(source[s.start : s.end] for s in plan.spans) == source
    assert plan.spans[0].start == 0
    for span in plan.spans:
        piece = source[span.start : span.end]
        if span.kind is SpanKind.CHUNK:
            chunk = plan.chunks[span.chunk]  # type: ignore[index]
            assert chunk.start <= span.start <= span.end <= chunk.end
        elif span.kind is SpanKind.SKIPPED:
            assert span.reason is not None
        else:
            assert not piece.strip()


_SCRAPS = [
    "Hello there. ", "Mr. Smith left", ", and ",
    "$5.50 ", "\n", "\n\n", "\r\n\r\n", "CHAPTER II\n\n",
    "# Title\n\n", "**b**", '[l](u "t")', "`c d`",
    "* * *", "\n\n---\n\n", "1. ", "- ", "> ",
    "&amp;",
    "<b>", "x", "“Yes!” ", "...", "é", "😀",
    "\t", "word ", "![i](p)", "[^1]", "[^1]: note\n",
    "\\*",
    "very long winded clauses that go on, ",
    "| a | b |\n|---|---|\n", "'", "_", "3/4 ",
    "    code\n",
]  # fmt: skip
_PROSE = st.lists(st.sampled_from(_SCRAPS), max_size=40).map("".join)


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
@settings(max_examples=150, deadline=None)
@given(text=st.one_of(_PROSE, st.text(max_size=120)))
def test_every_character_is_spoken_paused_or_skipped_with_a_reason(name: str, text: str) -> None:
    try:
        document = _document(text, name)
        plan = plan_chunks(document, ChunkLimits(max_chars=60, min_chars=10))
    except DocumentError:
        return
    _assert_whole(document, plan)
    assert all(0 < len(chunk.spoken_text) <= 60 for chunk in plan.chunks)


@given(_PROSE)
@settings(deadline=None)
def test_plain_text_skips_nothing_with_a_letter_in_it(text: str) -> None:
    try:
        document = _document(text)
        plan = plan_chunks(document)
    except DocumentError:
        return
    for span in plan.skipped:
        assert not any(c.isalnum() for c in document.source[span.start : span.end])


def test_sentences_are_packed_up_to_the_limit() -> None:
    plan = _plan("This is a sentence of words. " * 40, max_chars=200)
    lengths = [len(chunk.spoken_text) for chunk in plan.chunks]
    assert max(lengths) <= 200
    assert min(lengths) > 100
    assert all(chunk.spoken_text.endswith(".") for chunk in plan.chunks)


def test_a_short_sentence_joins_its_neighbour() -> None:
    plan = _plan("Yes. " + "He had walked all the way from the mill to the bridge that night. " * 3)
    assert plan.chunks[0].spoken_text.startswith("Yes. He had")


def test_a_short_rest_is_taken_from_a_long_neighbour() -> None:
    long_sentence = "the rain fell on the hills, " * 9 + "and he slept well."
    plan = _plan(f"{long_sentence} No, sir.", max_chars=275, min_chars=25)
    assert all(len(chunk.spoken_text) >= 25 for chunk in plan.chunks)
    assert len(plan.chunks) == 2


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    text = (
        "He came up the hill in the rain that evening; and nobody in the house had seen him come."
    )
    plan = _plan(text, max_chars=60, min_chars=10)
    assert [chunk.text for chunk in plan.chunks] == [
        "He came up the hill in the rain that evening;",
        "and nobody in the house had seen him come.",
    ]


def test_a_page_without_punctuation_is_cut_between_words() -> None:
    plan = _plan("word " * 400)
    assert " ".join(chunk.text for chunk in plan.chunks).split() == ["word"] * 400


def test_a_word_of_300_characters_is_spoken_in_pieces() -> None:
    plan = _plan("x" * 300)
    assert "".join(chunk.text for chunk in plan.chunks) == "x" * 300
    assert len(plan.chunks) == 2


def test_an_accent_is_not_torn_off_its_letter() -> None:
    plan = _plan("e\u0301" * 200, max_chars=50)
    assert all(chunk.text[0] == "e" for chunk in plan.chunks)


def test_numbers_count_as_they_are_spoken() -> None:
    plan = _plan("In all 1,777,777 and 1,888,888 and 1,999,999 and 1,333,333 of them. " * 4)
    assert all(len(chunk.spoken_text) <= 280 for chunk in plan.chunks)
    assert all(chunk.text[-1] != "," for chunk in plan.chunks)


def test_chunks_never_cross_a_paragraph() -> None:
    plan = _plan("One.\n\nTwo.\n\nThree.")
    assert [chunk.text for chunk in plan.chunks] == ["One.", "Two.", "Three."]


def test_pauses_follow_what_ends() -> None:
    pauses = PauseLimits(clause_ms=1, sentence_ms=2, paragraph_ms=3, heading_ms=4, chapter_ms=5)
    text = (
        "# A\n\nShort one here now. Another one is here too.\n\nNext paragraph.\n\n# B\n\nEnd here."
    )
    plan = plan_chunks(_document(text, "a.md"), ChunkLimits(max_chars=40, min_chars=5), pauses)
    assert [(c.text, c.pause_after_ms) for c in plan.chunks] == [
        ("A", 4),
        ("Short one here now.", 2),
        ("Another one is here too.", 3),
        ("Next paragraph.", 5),
        ("B", 4),
        ("End here.", 0),
    ]


def test_chapters_are_numbered_and_titled() -> None:
    plan = _plan("Before.\n\nCHAPTER I\n\nText one.\n\nCHAPTER II\n\nText two.")
    assert [(c.title, c.first_chunk) for c in plan.chapters] == [
        ("Before.", 0),
        ("CHAPTER I", 1),
        ("CHAPTER II", 3),
    ]
    assert [chunk.chapter for chunk in plan.chunks] == [0, 1, 1, 2, 2]


def test_a_row_of_asterisks_is_skipped_as_ornament() -> None:
    document = _document("One.\n\n* * *\n\nTwo.")
    (span,) = plan_chunks(document).skipped
    assert (document.source[span.start : span.end], span.reason) == ("* * *", "ornament")


def test_a_wrapped_paragraph_is_captioned_on_one_line() -> None:
    (chunk,) = _plan("The rain\r\nfell   all\r\nnight.").chunks
    assert (chunk.caption, chunk.spoken_text) == ("The rain fell all night.",) * 2
    assert chunk.text == "The rain\r\nfell   all\r\nnight."


def test_markdown_that_is_all_code_has_nothing_to_say() -> None:
    with pytest.raises(DocumentError, match="no letters or digits to read"):
        _plan("```\ncode\n```", "a.md")


def test_limits_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(SettingsError, match="max_chars 10"):
        _plan("One.", max_chars=10)


def test_a_plan_is_said_in_the_english_that_is_asked_for() -> None:
    document = _document("It was 3/9/2018.\n\nIt was 101 days off.", "a.md")
    plan = plan_chunks(document, english=English.BRITISH)
    assert [chunk.spoken_text for chunk in plan.chunks] == [
        "It was the third of September, twenty eighteen.",
        "It was one hundred and one days off.",
    ]


def test_a_bare_l_is_fifty_only_after_forty_nine() -> None:
    source = "XLIX. The Sea\n\nIt rose.\n\nL. The Land\n\nIt fell.\n\nC. Dark\n\nIt went."
    markdown = (
        source.replace("XLIX", "# XLIX").replace("L. The", "# L. The").replace("C. D", "# C. D")
    )
    spoken = [chunk.spoken_text for chunk in plan_chunks(_document(markdown, "a.md")).chunks]
    assert spoken[::2] == ["Forty-Nine. The Sea", "Fifty. The Land", "C Dark"]


def test_a_chosen_chapter_is_cut_and_said_as_in_the_whole() -> None:
    markdown = "\n\n".join(f"## {n}\n\nIn chapter {n} it rained. *" for n in ("IV", "V", "VI"))
    document = _document(markdown, "a.md")
    whole = plan_chunks(document)
    part = plan_chunks(document, chapters=[2])
    expected = [chunk for chunk in whole.chunks if chunk.chapter == 1]
    assert [(c.start, c.spoken_text) for c in part.chunks] == [
        (c.start, c.spoken_text) for c in expected
    ]
    assert [(c.number, c.first_chunk) for c in part.chapters] == [(2, 0)]
    _assert_whole(document, part)


def test_chapters_left_out_are_skipped_for_that_reason_alone() -> None:
    document = _document("# One\n\nIt rained.\n\n# Two\n\nIt `snowed`.", "a.md")
    plan = plan_chunks(document, chapters=[1])
    left_out = "".join(
        document.source[span.start : span.end]
        for span in plan.skipped
        if span.reason is SkipReason.LEFT_OUT
    )
    assert left_out.replace("\n", "") == "TwoIt snowed."
    assert plan.chunks[-1].pause_after_ms == 0


def test_chapters_without_words_alone_are_refused() -> None:
    document = _document("# One\n\nIt rained.\n\n# * * *\n\n…", "a.md")
    numbers = range(2, len(document.chapters) + 1)
    with pytest.raises(DocumentError, match="chosen chapters have no words"):
        plan_chunks(document, chapters=numbers)
