import pytest

from narration.documents.page import read_page
from narration.documents.read import read_document
from narration.documents.repeated import repeated_lists
from narration.documents.types import Document, SkipReason
from tests.epubs import contents_of, make_epub

_TITLES = ("The Hill", "The Road", "The Sea")
_PROSE = "<p>It began on a long dull evening in March, when nobody looked out of the window.</p>"
_PAGES = {f"c{n}": f"<h2>{title}</h2>{_PROSE}" for n, title in enumerate(_TITLES)}
_NAVIGATION = contents_of({f"c{n}.xhtml": title for n, title in enumerate(_TITLES)})


def _skipped(document: Document) -> list[str]:
    return [
        document.source[skip.start : skip.end]
        for skip in document.skips
        if skip.reason is SkipReason.CONTENTS and document.source[skip.start : skip.end].strip()
    ]


def _listed(body: str) -> list[str]:
    blocks = read_page(body, what="a page").blocks
    return [blocks[index].text for index in sorted(repeated_lists(blocks))]


def _chapters(*titles: str) -> str:
    return "".join(f"<h2>{title}</h2>{_PROSE}" for title in titles)


def _lines(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


@pytest.mark.parametrize("contents", ["", _NAVIGATION])
def test_a_page_of_titles_that_come_again_is_contents_though_nothing_says_so(contents: str) -> None:
    pages = {"a": f"<h1>The Book</h1>{_lines(*_TITLES)}", **_PAGES}
    document = read_document(make_epub(pages, contents=contents), name="book.epub")
    assert _skipped(document) == list(_TITLES)
    assert [chapter.title for chapter in document.chapters] == list(_TITLES)


def test_titles_that_the_navigation_names_are_known_where_no_heading_is_marked_up() -> None:
    pages = {name: body.replace("h2", "p") for name, body in _PAGES.items()}
    pages = {"a": _lines(*_TITLES), **pages}
    document = read_document(make_epub(pages, contents=_NAVIGATION), name="book.epub")
    assert _skipped(document) == list(_TITLES)


@pytest.mark.parametrize(
    "entries",
    [
        ("The Hill . . . 1", "The Road . . . 17", "The Sea . . . xl"),
        ("I. The Hill", "II. The Road", "III. The Sea"),
        ("Chapter 1: The Hill", "Chapter 2: The Road", "Chapter 3: The Sea"),
        ("THE HILL", "THE ROAD", "THE SEA"),
    ],
)
def test_entries_are_known_however_they_are_written(entries: tuple[str, ...]) -> None:
    assert _listed(_lines(*entries) + _chapters(*_TITLES)) == list(entries)


def test_what_a_chapter_is_about_belongs_to_its_entry() -> None:
    entries = ("The Hill", "In which he goes up.", "The Road", "In which he waits.", "The Sea")
    body = _lines(*entries, "In which he sails.") + _chapters(*_TITLES)
    assert _listed(body) == [*entries, "In which he sails."]


def test_the_title_of_a_list_goes_with_it() -> None:
    body = f"<h3>In this book</h3>{_lines(*_TITLES)}{_chapters(*_TITLES)}"
    assert _listed(body) == ["In this book", *_TITLES]


def test_the_entries_of_parts_are_one_list() -> None:
    body = "<h2>Part One</h2><p>The Hill</p><p>The Road</p><h2>Part Two</h2><p>The Sea</p>"
    text = "<h2>Part One</h2><h3>The Hill</h3>{0}<h3>The Road</h3>{0}<h2>Part Two</h2>"
    assert len(_listed(body + f"{text}<h3>The Sea</h3>{{0}}".format(_PROSE))) == 5


@pytest.mark.parametrize(
    "body",
    [
        _lines("We shall look at three things:", *_TITLES),  # the first line is a sentence
        _lines("The Hill", "The Road"),  # two lines prove nothing
        _lines("The Hill", *["Some prose of the first day, that went on for long. " * 7] * 2),
        _lines("The Sea", "The Road", "The Hill"),  # another order
    ],
)
def test_other_lines_that_come_again_are_read(body: str) -> None:
    assert _listed(body + _chapters(*_TITLES)) == []


def test_names_of_what_stands_far_below_are_no_contents() -> None:
    others = [f"Lesson {number}" for number in range(1, 12)]
    assert _listed(_lines(*_TITLES) + _chapters(*others, *_TITLES)) == []
