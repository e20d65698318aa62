import pytest

from narration.documents.plain.reader import read_plain
from narration.documents.types import SkipReason

_PROSE = "It was a long and dull evening in March, and nobody was looking out at the rain."
_TITLES = ("The Hill", "The Road", "The Sea")
_CHAPTERS = "\n\n".join(f"{title}\n\n{_PROSE}\n\n{_PROSE}" for title in _TITLES)


def _skipped(source: str, reason: SkipReason = SkipReason.CONTENTS) -> list[str]:
    skips = read_plain(source).skips
    return [source[skip.start : skip.end] for skip in skips if skip.reason is reason]


@pytest.mark.parametrize(
    "title",
    [
        "Contents of the bag:",
        "Contents of his pockets",
        "The contents:",
        "Figures",
        "Tables",
        "Chapters:",
        "Maps of the world",
    ],
)
@pytest.mark.parametrize("lines", ["A red scarf\nTwo apples\nA knife", "1. A pipe\n\n2. A coin"])
def test_what_is_in_a_bag_is_no_list_of_contents(title: str, lines: str) -> None:
    source = f"{_PROSE}\n\n{title}\n\n{lines}\n\nShe closed it again.\n\n{_PROSE}"
    assert _skipped(source) == []


@pytest.mark.parametrize(
    "lines",
    [
        "The Hill\nThe Road\nThe Sea",
        "I. The Hill\nII. The Road\nIII. The Sea",
        "I     The Hill\nII    The Road\nIII   The Sea",
    ],
)
@pytest.mark.parametrize("title", ["Contents of the First Volume", "CONTENTS", "Chapters"])
def test_entries_that_come_again_as_headings_make_a_list(title: str, lines: str) -> None:
    source = f"{_PROSE}\n\n{title}\n\n{lines}\n\n{_CHAPTERS}"
    assert _skipped(source) == [title, lines]
    assert [chapter.title for chapter in read_plain(source).chapters][1:] == list(_TITLES)


@pytest.mark.parametrize(
    "source",
    [
        f"Contents of Part One\n\nA hill . . . 1\nA road . . . 17\n\n{_PROSE}",  # by its pages
        f"THE BOOK\n\nCONTENTS\n\nA hill\nA road\n\n{_PROSE}",  # by its position
        f"THE BOOK\n\nList of Illustrations\n\nA hill\nA road\n\n\n\nCHAPTER I\n\n{_PROSE}",
    ],
)
def test_pages_or_the_place_tell_a_list_whose_entries_do_not_come_again(source: str) -> None:
    assert len(_skipped(source)) == 2


@pytest.mark.parametrize("front", ["", "THE BOOK\n\nby Ann Writer\n\n"])
@pytest.mark.parametrize("lines", ["\n".join(_TITLES), "\n\n".join(_TITLES)])
def test_titles_that_come_again_are_a_list_though_nothing_says_so(front: str, lines: str) -> None:
    source = f"{front}{lines}\n\n\n\n{_CHAPTERS}"
    assert "".join(_skipped(source)) == lines.replace("\n\n", "")
    assert [chapter.title for chapter in read_plain(source).chapters] == list(_TITLES)


def test_who_speaks_in_a_play_is_no_list() -> None:
    speeches = "\n\n".join(
        f"{name}\n\nI say to you that it is so, and that it was so."
        for name in ("ANN", "BERT", "CY")
    )
    assert _skipped(f"ANN\n\nBERT\n\nCY\n\n{speeches}\n\n{speeches}\n\n{speeches}") == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("Apples, 3, 5\nBears, 7\n\nC\n\nCats, 9", 4),
        ("The finger that points is called so.", 0),
        ("Water 1.33\nGlass 1.5", 0),
    ],
)
def test_an_index_has_words_with_their_pages(body: str, count: int) -> None:
    source = f"{_PROSE}\n\n{_PROSE}\n\n{_PROSE}\n\n\n\nINDEX\n\n{body}\n"
    assert len(_skipped(source, SkipReason.INDEX)) == count


@pytest.mark.parametrize("lines", ["Anna\n\nBen\n\nCarl", "1. Buy\n2. Cook\n3. Eat"])
def test_a_list_that_a_sentence_introduces_is_read(lines: str) -> None:
    titles = lines.replace("\n\n", "\n").split("\n")
    chapters = "\n\n".join(f"{title}\n\n{_PROSE}" for title in titles)
    assert _skipped(f"{_PROSE}\n\nThere were three of them:\n\n{lines}\n\n{chapters}") == []


def test_what_stands_below_an_index_is_read() -> None:
    words = "\n".join(f"{word}, {page}" for page, word in enumerate(["Apple", "Bear", "Cat"], 3))
    source = f"{_PROSE}\n\n" * 9 + f"\n\nINDEX\n\n{words}\n\nTHE END\n\n{_PROSE} {_PROSE}"
    skipped = " ".join(_skipped(source, SkipReason.INDEX))
    assert "Cat, 5" in skipped
    assert "THE END" not in skipped
    assert "March" not in skipped


def test_a_word_of_roman_letters_is_no_page() -> None:
    titles = ("Why he fell ill", "Why he stayed civil", "Why he went")
    chapters = "\n\n\n".join(f"{title}\n\n{_PROSE}\n\n{_PROSE}" for title in titles)
    source = "CONTENTS\n\n{}\n\n\n{}".format("\n".join(titles), chapters)
    assert [chapter.title for chapter in read_plain(source).chapters] == list(titles)


def test_the_title_page_above_a_list_is_read() -> None:
    listed = "\n".join(_TITLES)
    source = f"The Book\n\nby A. Writer\n\n\nCONTENTS\n\n{listed}\n\n\nTHE BOOK\n\n\n{_CHAPTERS}"
    assert _skipped(source) == ["CONTENTS", listed]
