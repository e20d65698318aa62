import pytest

from narration.documents.read import read_document
from tests.epubs import contents_of, make_epub, ncx_of, ncx_point

_NCX_ITEM = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'


def _chapters(data: bytes) -> list[tuple[str, str]]:
    """Part and title of each chapter."""
    document = read_document(data, name="book.epub")
    return [(chapter.part, chapter.title) for chapter in document.chapters]


def _first_words(data: bytes) -> list[str]:
    document = read_document(data, name="book.epub")
    return [
        document.source[chapter.blocks[0].runs[0].start : chapter.blocks[0].runs[-1].end]
        for chapter in document.chapters
    ]


def test_chapters_bear_the_names_of_the_navigation_page() -> None:
    pages = {"a": "<h2>I</h2><p>It began.</p>", "b": '<p class="chap">Two</p><p>It went on.</p>'}
    lines = contents_of({"a.xhtml": "I: A Letter", "b.xhtml": "II: A <i>Reply</i>"})
    assert _chapters(make_epub(pages, contents=lines)) == [("", "I: A Letter"), ("", "II: A Reply")]


def test_an_older_book_has_them_in_its_ncx() -> None:
    points = ncx_point("One: The Lamp", "a.xhtml") + ncx_point("Two: The Harbour", "b.xhtml#x")
    pages = {"a": "<p>It began.</p>", "b": '<p>Still.</p><p id="x">It went on.</p>'}
    data = make_epub(pages, items=_NCX_ITEM, files={"OEBPS/toc.ncx": ncx_of(points)})
    assert _chapters(data) == [("", "One: The Lamp"), ("", "Two: The Harbour")]
    assert _first_words(data) == ["It began.", "It went on."]


def test_parts_are_kept_above_their_chapters() -> None:
    pages = {
        "p": "<h1>Part One</h1>",
        "a": "<h2>I</h2><p>It began.</p>",
        "b": "<h2>II</h2><p>It went on.</p>",
        "c": "<h2>III</h2><p>It ended.</p>",
    }
    contents = (
        '<ol><li><a href="p.xhtml">Part One</a><ol><li><a href="a.xhtml">I</a></li>'
        '<li><a href="b.xhtml">II</a></li></ol></li><li><span>Part Two</span><ol>'
        '<li><a href="c.xhtml">III</a></li></ol></li></ol>'
    )
    data = make_epub(pages, contents=contents)
    assert _chapters(data) == [("Part One", "I"), ("Part One", "II"), ("Part Two", "III")]
    assert _first_words(data)[0] == "Part One"


def test_a_part_with_a_text_of_its_own_is_a_chapter() -> None:
    pages = {"p": "<h1>Part</h1><p>A word before.</p>", "a": "<h2>I</h2><p>It began.</p>"}
    contents = (
        '<ol><li><a href="p.xhtml">Part</a><ol><li><a href="a.xhtml">I</a></li></ol></li></ol>'
    )
    assert _chapters(make_epub(pages, contents=contents)) == [("", "Part"), ("Part", "I")]


def test_the_title_of_the_work_is_no_part_of_it() -> None:
    pages = {"a": "<p>It began.</p>", "b": "<p>It went on.</p>"}
    inner = contents_of({"a.xhtml": "I", "b.xhtml": "II"})
    contents = f'<ol><li><a href="a.xhtml">The Book</a>{inner}</li></ol>'
    assert _chapters(make_epub(pages, contents=contents)) == [("", "I"), ("", "II")]


def test_a_place_behind_its_heading_still_means_the_heading() -> None:
    body = (
        '<h2>The Hill</h2><p id="a">It began.</p><h2>The Road</h2><p>x</p><p id="b">It went on.</p>'
    )
    lines = contents_of({"a.xhtml#a": "The Hill", "a.xhtml#b": "Something else"})
    assert _first_words(make_epub({"a": body}, contents=lines)) == ["The Hill", "It went on."]


def test_lines_that_lead_to_what_is_skipped_open_nothing() -> None:
    pages = {
        "a": '<section epub:type="imprint"><p>Fine print.</p></section>',
        "b": "<p>It began.</p>",
        "c": "<p>It went on.</p>",
    }
    lines = contents_of({"a.xhtml": "Imprint", "b.xhtml": "I", "c.xhtml": "II"})
    assert _chapters(make_epub(pages, contents=lines)) == [("", "I"), ("", "II")]


@pytest.mark.parametrize("contents", ["", contents_of({"a.xhtml": "Start"})])
def test_headings_divide_a_book_whose_contents_say_too_little(contents: str) -> None:
    pages = {
        "a": "<h2>Chapter I</h2><h3>The Hill</h3><p>It began.</p>",
        "b": '<h2>Chapter II</h2><p class="subtitle">The Road</p><p>It went on.</p>',
    }
    assert _chapters(make_epub(pages, contents=contents)) == [
        ("", "Chapter I. The Hill"),
        ("", "Chapter II. The Road"),
    ]


def test_numbered_chapters_below_coarse_contents_are_found() -> None:
    part = "".join(f"<h2>Chapter {n}</h2><p>It went on.</p>" for n in "123")
    pages = {"a": f"<h1>Part One</h1>{part}", "b": f"<h1>Part Two</h1>{part}"}
    lines = contents_of({"a.xhtml": "Part One", "b.xhtml": "Part Two"})
    assert _chapters(make_epub(pages, contents=lines)) == [
        (part, f"Chapter {n}") for part in ("Part One", "Part Two") for n in "123"
    ]


def test_a_title_is_never_empty() -> None:
    data = make_epub({"a": "<p>It began.</p>"}, metadata="")
    assert _chapters(data) == [("", "It began.")]
    assert _chapters(make_epub({"a": "<p>It began.</p>"})) == [("", "The Book")]
