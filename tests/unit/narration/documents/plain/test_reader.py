import time

import pytest

from narration.documents.gather import Reading
from narration.documents.plain.reader import read_plain
from narration.documents.types import BlockKind, SkipReason


def _spoken(source: str) -> list[str]:
    return [text for _, text in _blocks(source, read_plain(source))]


def _blocks(source: str, reading: Reading) -> list[tuple[BlockKind, str]]:
    return [
        (
            block.kind,
            " ".join(
                "".join(
                    source[run.start : run.end] if run.reading is None else run.reading
                    for run in block.runs
                ).split()
            ),
        )
        for chapter in reading.chapters
        for block in chapter.blocks
    ]


def _skipped(source: str) -> list[tuple[SkipReason, str]]:
    return [(skip.reason, source[skip.start : skip.end]) for skip in read_plain(source).skips]


def test_notes_pages_and_pictures_are_skipped_each_with_its_reason() -> None:
    source = (
        "The fox ran.[12] He stopped.\n\n[Footnote 12: A fox is a beast.]\n\n"
        "He lay [Pg 14] down{15}.\n\n[Illustration: A man\nwith a dog]\n\nHe slept.[A]\n\n"
        "[A] It was night."
    )
    assert _spoken(source) == ["The fox ran. He stopped.", "He lay down.", "He slept."]
    assert [reason for reason, _ in _skipped(source)] == [
        SkipReason.NOTE_MARK,
        SkipReason.NOTE,
        SkipReason.PAGE_NUMBER,
        SkipReason.NOTE_MARK,
        SkipReason.IMAGE,
        SkipReason.NOTE_MARK,
        SkipReason.NOTE,
    ]


def test_what_only_looks_like_a_mark_is_read() -> None:
    source = "He said [softly] that [t]he king [1850] came.\n\n[Drawing back.] He bowed."
    assert _spoken(source) == [" ".join(part.split()) for part in source.split("\n\n")]


def test_a_raised_number_that_lost_its_height_is_no_word() -> None:
    assert _spoken("He read (aloud).3 So it was.") == ["He read (aloud). So it was."]
    assert _spoken("It was late.1 Then he left. See page.12 It is there.") == [
        "It was late. Then he left. See page.12 It is there."
    ]


def test_a_paragraph_goes_on_over_the_number_of_a_page() -> None:
    source = "He went up the hill and\n[Pg 14]\ndown the other side."
    assert _spoken(source) == ["He went up the hill and down the other side."]


def test_what_is_asked_for_is_read_after_all() -> None:
    source = "The fox ran.[12]\n\n[Footnote 12: A fox is a beast.]"
    reading = read_plain(source, spoken=frozenset({SkipReason.NOTE}))
    texts = [text for _, text in _blocks(source, reading)]
    assert texts == ["The fox ran.", "[Footnote 12: A fox is a beast.]"]


@pytest.mark.parametrize(
    ("halves", "whole"),
    [
        ("steam-\nship", "steam-ship"),
        ("well-\r\nknown", "well-known"),
        ("some-\nthing", "something"),
        ("demon-\n   stration", "demonstration"),
        ("to-\ngether", "together"),
        ("Anglo-\nSaxon", "Anglo-Saxon"),
        ("hill\u00ad\nside", "hillside"),
    ],
)
def test_a_word_divided_at_a_line_end_is_joined(halves: str, whole: str) -> None:
    assert _spoken(f"He saw the {halves} and went.") == [f"He saw the {whole} and went."]


def test_the_rest_of_the_text_tells_whether_a_divided_word_has_a_hyphen() -> None:
    source = "The hill-\nside was green; a moun-\ntain.\n\nThe hillside and the mountain."
    assert _spoken(source)[0] == "The hillside was green; a mountain."
    source = "The hill-\nside was green.\n\nThe hill-side and the mountain."
    assert _spoken(source)[0] == "The hill-side was green."


def test_lines_of_verse_are_spoken_one_by_one() -> None:
    source = (
        "He sang to them a song of his that nobody there had ever heard before, and then\n"
        "he went away from all of them without another word and came back no more to it.\n\n"
        "    Roses are red,\n      Violets are blue,\n    Sugar is sweet."
    )
    assert [kind for kind, _ in _blocks(source, read_plain(source))] == [
        BlockKind.PARAGRAPH,
        BlockKind.LINE,
        BlockKind.LINE,
        BlockKind.PARAGRAPH,
    ]


def test_prose_wrapped_in_a_narrow_column_is_no_verse() -> None:
    source = (
        "    he went up the hill\n    in the night and saw\n    nobody on the way\n    to the house"
    )
    assert _spoken(source) == [
        "he went up the hill in the night and saw nobody on the way to the house"
    ]


def test_items_of_a_list_are_paragraphs_each() -> None:
    assert _spoken("- one thing\n- another\n  of two lines\n2. a third") == [
        "- one thing",
        "- another of two lines",
        "2. a third",
    ]


def test_an_index_at_the_end_is_skipped() -> None:
    source = (
        "CHAPTER I\n\nHe went up the hill.\n\nCHAPTER II\n\nHe came down.\n\n\n\nINDEX\n\n"
        "Hills, 12, 14\nRoads, 3\n\nS\n\nSheep, 9"
    )
    assert _spoken(source)[-1] == "He came down."
    assert SkipReason.INDEX in {reason for reason, _ in _skipped(source)}


_HOSTILE = {
    "brackets": "[",
    "closed brackets": "[1] ",
    "notes": "x[1]\n[1] y ",
    "chapters": "CHAPTER I\n",
    "spaced chapters": "CHAPTER I\n\n",
    "contents": "CONTENTS\n\nCHAPTER I\n\n",
    "numbers": "I\n\n",
    "stars": "*** START OF THE PROJECT GUTENBERG EBOOK\n",
    "hyphens": "some-\n",
    "short lines": "Ab\n",
    "empty lines": "\n \n",
    "titles": "THE END\n\n\n\n",
    "indexes": "\n\n\nINDEX\n\na, 1\n",
    "long line": "word ",
}


@pytest.mark.parametrize("piece", _HOSTILE.values(), ids=_HOSTILE)
def test_reading_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def seconds(chars: int) -> float:
        source = "It began. " + piece * (chars // len(piece))
        started = time.process_time()
        read_plain(source)
        return time.process_time() - started

    small, large = (min(seconds(chars) for _ in range(3)) for chars in (15_000, 120_000))
    assert large < 24 * small + 0.2  # eight times as much text; quadratic, it would be 64


_CASES = [
    "THE HILL\n\nCONTENTS\n\nI. Up [1]\nII. Down\n\nI. Up\n\nHe went.[1]\n\n[1] A note.\n\nII.",
    "*** START OF THE PROJECT GUTENBERG EBOOK X ***\nProduced by A\n\nCHAPTER I\n\nYes.\n\n***",
    "Steam-\nship\n\n* * *\n\n[Illustration: [a] b]\n\nIt [Pg 2] went [",
    "\f\x0bA\u2028B\r\rC\r\n\r\n]] [1]]",
]


@pytest.mark.parametrize("source", _CASES)
def test_every_character_is_read_or_skipped_once(source: str) -> None:
    reading = read_plain(source)
    spans = sorted(
        [(run.start, run.end) for c in reading.chapters for b in c.blocks for run in b.runs]
        + [(skip.start, skip.end) for skip in reading.skips]
    )
    position = 0
    for start, end in spans:
        assert start >= position
        assert not source[position:start].strip()
        position = end
    assert not source[position:].strip()
