import pytest

from narration.documents.gather import Reading
from narration.documents.plain.reader import read_plain
from narration.documents.types import BlockKind, SkipReason


def _titles(source: str) -> list[str]:
    return [chapter.title for chapter in read_plain(source).chapters]


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


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("CHAPTER I", "CHAPTER I"),
        ("CHAPTER I.", "CHAPTER I"),
        ("CHAPTER the First", "CHAPTER the First"),
        ("Chapter 2. Title", "Chapter 2. Title"),
        ("Chapter 12: The Long Way", "Chapter 12: The Long Way"),
        ("Chapter 1 PETER GOES OUT", "Chapter 1 PETER GOES OUT"),
        ("Chapter Twenty-Two", "Chapter Twenty-Two"),
        ("CHAP. II.", "CHAP. II"),
        ("Chapter 3 — The Bridge", "Chapter 3 — The Bridge"),
        ("ADVENTURE II. THE GREEN DOOR", "ADVENTURE II. THE GREEN DOOR"),
        ("Book the First", "Book the First"),
        ("BOOK III", "BOOK III"),
        ("Stave IV", "Stave IV"),
        ("FIRST ACT", "FIRST ACT"),
        ("THE SECOND ACT", "THE SECOND ACT"),
        ("SCENE II. A hall in the castle", "SCENE II. A hall in the castle"),
        ("Day the First", "Day the First"),
        ("_Day the Third_", "Day the Third"),
        ("Epilogue", "Epilogue"),
        ("XIV.", "XIV"),
    ],
)
def test_a_heading_begins_a_chapter(heading: str, title: str) -> None:
    assert _titles(f"Before it.\n\n{heading}\n\nAfter it.") == ["Before it.", title]


@pytest.mark.parametrize(
    "line",
    [
        "Part one of the plan was simple.",
        "Chapter and verse, he knew it all.",
        "Book 4 seats now",
        "Act two was when they slept.",
        "One day Marse Harris was passing by the jail.",
        "I was there.",
        "chapter 2",
        "L. VAN HOLT",
        "C. M. SMITH, ESQ.",
    ],
)
def test_a_sentence_or_a_name_begins_no_chapter(line: str) -> None:
    assert len(_titles(f"Before it.\n\n{line}\n\nAfter it.")) == 1


def test_numbers_that_follow_each_other_are_headings() -> None:
    source = "I. The Hill\n\nIt began here.\n\nII. The Road\n\nIt went on.\n\nIII\n\nIt ended."
    assert _titles(source) == ["I. The Hill", "II. The Road", "III"]


def test_the_items_of_a_list_are_no_headings() -> None:
    source = "To do:\n\n1. Wash the pots\n\n2. Dry the pots\n\n3. Go home\n\nThat was all of it."
    assert len(_titles(source)) == 1


def test_a_number_and_the_title_below_it_are_one_title() -> None:
    source = "I\n\nThe Hill\n\nIt began here.\n\nII\n\nThe Road\n\nIt went on."
    assert _titles(source) == ["I. The Hill", "II. The Road"]
    assert [kind for kind, _ in _blocks(source, read_plain(source))] == [
        BlockKind.HEADING,
        BlockKind.HEADING,
        BlockKind.PARAGRAPH,
    ] * 2


def test_lines_of_one_heading_are_one_title() -> None:
    source = "CHAPTER ONE\nThe Man Who Came\n\nHe came up.\n\nCHAPTER TWO\nThe Other\n\nHe left."
    assert _titles(source) == ["CHAPTER ONE. The Man Who Came", "CHAPTER TWO. The Other"]


def test_the_sentence_below_a_bare_heading_is_a_paragraph() -> None:
    source = "Chapter 7\n\nOn my return, I found this letter:--\n\n“Dear friend, come.”"
    assert _titles(source) == ["Chapter 7"]
    assert [kind for kind, _ in _blocks(source, read_plain(source))] == [
        BlockKind.HEADING,
        BlockKind.PARAGRAPH,
        BlockKind.PARAGRAPH,
    ]


def test_a_date_below_a_heading_is_no_title() -> None:
    source = "Letter 1\n\nLondon, Dec. 11th, 1850\n\nMy friend, I came here.\n\nLetter 2\n\nYes."
    assert _titles(source) == ["Letter 1", "Letter 2"]


def test_a_heading_without_an_empty_line_below_it_is_divided_from_the_text() -> None:
    source = "CHAPTER I\nIt was a dark night and he\nwent out to see it.\nCHAPTER II\nIt was day."
    assert _titles(source) == ["CHAPTER I", "CHAPTER II"]
    assert _spoken(source)[1] == "It was a dark night and he went out to see it."


def test_parts_stand_above_their_chapters() -> None:
    source = (
        "BOOK ONE\n\nTHE COMING\n\nCHAPTER I\n\nIt began.\n\nCHAPTER II\n\nIt went on.\n\n"
        "BOOK TWO\n\nTHE GOING\n\nCHAPTER I\n\nIt began again.\n\nCHAPTER II\n\nIt ended."
    )
    assert [(chapter.part, chapter.title) for chapter in read_plain(source).chapters] == [
        ("BOOK ONE. THE COMING", "CHAPTER I"),
        ("BOOK ONE. THE COMING", "CHAPTER II"),
        ("BOOK TWO. THE GOING", "CHAPTER I"),
        ("BOOK TWO. THE GOING", "CHAPTER II"),
    ]
    assert _spoken(source)[:3] == ["BOOK ONE", "THE COMING", "CHAPTER I"]


def test_acts_stand_above_their_scenes() -> None:
    source = "ACT I\n\nSCENE I. A hall.\n\nHe enters here.\n\nSCENE II. A road.\n\nHe leaves it."
    assert [(chapter.part, chapter.title) for chapter in read_plain(source).chapters] == [
        ("ACT I", "SCENE I. A hall"),
        ("ACT I", "SCENE II. A road"),
    ]


def test_numbers_inside_a_chapter_divide_nothing() -> None:
    source = (
        "ADVENTURE I. A KING\n\nI.\n\nHe came in.\n\nII.\n\nHe went out.\n\n"
        "ADVENTURE II. A LEAGUE\n\nIt was day."
    )
    assert _titles(source) == ["ADVENTURE I. A KING", "ADVENTURE II. A LEAGUE"]


def test_a_play_inside_a_chapter_divides_nothing() -> None:
    source = (
        "CHAPTER I\n\nThey came to play.\n\nCHAPTER II\n\nThey played.\n\nACT I\n\nHe enters.\n\n"
        "ACT II\n\nHe leaves it.\n\nCHAPTER III\n\nThey went home."
    )
    assert _titles(source) == ["CHAPTER I", "CHAPTER II", "CHAPTER III"]


def test_a_list_of_contents_is_skipped() -> None:
    source = "CONTENTS\n\nCHAPTER I\nCHAPTER II\n\nCHAPTER I\n\nIt is.\n\nCHAPTER II\n\nIt was."
    assert _spoken(source) == ["CHAPTER I", "It is.", "CHAPTER II", "It was."]
    assert {reason for reason, _ in _skipped(source)} == {SkipReason.CONTENTS}


def test_contents_with_pages_and_parts_are_skipped() -> None:
    source = (
        "THE HILL\n\nby Ann Lee\n\n\nCONTENTS\n\n  PART ONE\n  The Way Up\n\n"
        "  1.  THE FIRST STEP . . . 11\n  2.  THE LONG ROAD\n        AND ITS END . . 17\n\n\n\n"
        "PART ONE--The Way Up\n\n\n1\n\nThe First Step\n\nHe went up it.\n\n\n2\n\n"
        "The Long Road and its End\n\nHe went down."
    )
    reading = read_plain(source)
    assert [(chapter.part, chapter.title) for chapter in reading.chapters] == [
        ("PART ONE--The Way Up", "1. The First Step"),
        ("PART ONE--The Way Up", "2. The Long Road and its End"),
    ]
    assert "11" not in " ".join(_spoken(source))


def test_contents_without_a_heading_are_skipped() -> None:
    source = (
        "I. A Hill\nII. A Road\nIII. A House\n\n\nI. A Hill\n\nHe went up.\n\n\nII. A Road\n\n"
        "He went on.\n\n\nIII. A House\n\nHe stayed there."
    )
    assert _titles(source) == ["I. A Hill", "II. A Road", "III. A House"]
    assert SkipReason.CONTENTS in {reason for reason, _ in _skipped(source)}


def test_titles_without_numbers_are_chapters_if_the_contents_name_them() -> None:
    source = (
        "Contents\n\n   The Wolf\n   The Seal\n   The Song\n\n\n\n\nThe Wolf\n\nHe ran by night."
        "\n\n\n\nThe Seal\n\nHe swam in the sea.\n\n\n\nThe Song\n\nHe sang it in the end."
    )
    assert _titles(source) == ["The Wolf", "The Seal", "The Song"]


def test_titles_with_wide_gaps_and_much_text_are_chapters() -> None:
    text = "He went up the hill and down the other side of it again. " * 30
    source = "".join(f"\n\n\n\n{title}\n\n{text}" for title in ("THE SON", "THE RIVER", "THE END"))
    assert _titles(source) == ["THE SON", "THE RIVER", "THE END"]


def test_a_title_page_joins_the_first_chapter_and_names_the_work() -> None:
    source = "THE HILL\n\nBy Ann Lee\n\n\nCHAPTER I\n\nHe went up.\n\nCHAPTER II\n\nHe came down."
    reading = read_plain(source)
    assert [chapter.title for chapter in reading.chapters] == ["CHAPTER I", "CHAPTER II"]
    assert reading.metadata.title == "THE HILL"
    assert reading.metadata.authors == ("Ann Lee",)


_PARAGRAPH = "It was a dark night on the hill, and the wind blew from the west. " * 4


@pytest.mark.parametrize(
    ("heading", "titles"),
    [
        ("Chapter {}", ["Chapter 1", "Chapter 2", "Chapter 3"]),
        ("CHAPTER {}: THE SEA", ["CHAPTER 1: THE SEA", "CHAPTER 2: THE SEA", "CHAPTER 3: THE SEA"]),
        ("{}", ["1", "2", "3"]),
    ],
)
def test_a_heading_stands_alone_where_each_line_is_a_paragraph(
    heading: str, titles: list[str]
) -> None:
    text = f"{_PARAGRAPH}\n{_PARAGRAPH}\n"
    source = "".join(f"{heading.format(number)}\n{text}" for number in (1, 2, 3))
    assert _titles(source) == titles


@pytest.mark.parametrize(
    ("parts", "numbers"),
    [
        (["PART ONE", "PART TWO"], ["1", "2", "3"]),
        (["BOOK I", "BOOK II", "BOOK III"], ["I", "II"]),
        (["Part the First", "Part the Second"], ["1.", "2."]),
    ],
)
def test_numbers_that_begin_anew_under_each_part_are_chapters_of_it(
    parts: list[str], numbers: list[str]
) -> None:
    source = "".join(
        f"{part}\n\n" + "".join(f"{number}\n\n{_PARAGRAPH}\n\n" for number in numbers)
        for part in parts
    )
    chapters = read_plain(source).chapters
    assert [(chapter.part, chapter.title) for chapter in chapters] == [
        (part, number.rstrip(".")) for part in parts for number in numbers
    ]
