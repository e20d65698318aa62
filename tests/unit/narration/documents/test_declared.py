import pytest

from narration.documents.read import read_document
from tests.epubs import contents_of, make_epub

_NAVIGATION = contents_of({"b.xhtml": "The Hill", "c.xhtml": "The Road"})
_PAGES = {"b": "<h2>The Hill</h2><p>It began.</p>", "c": "<h2>The Road</h2><p>It went on.</p>"}
_STORY = ["The Hill", "It began.", "The Road", "It went on."]


def _spoken(first: str, kind: str, target: str) -> list[str]:
    landmarks = f'</nav><nav epub:type="landmarks"><ol><li><a epub:type="{kind}" href="{target}">'
    data = make_epub({"a": first, **_PAGES}, contents=f"{_NAVIGATION}{landmarks}M</a></li></ol>")
    document = read_document(data, name="book.epub")
    return [
        document.source[block.runs[0].start : block.runs[-1].end]
        for chapter in document.chapters
        for block in chapter.blocks
    ]


def test_a_page_that_a_landmark_calls_an_imprint_is_skipped_whatever_its_length() -> None:
    page = "<p>A line about the paper and about the type it is set in.</p>" * 200
    assert _spoken(page, "imprint", "a.xhtml") == _STORY


def test_matter_begins_at_the_place_that_a_landmark_names() -> None:
    page = (
        '<p>For Anna.</p><section id="x"><h3>The paper</h3><p>It is thin.</p></section><p>So.</p>'
    )
    assert _spoken(page, "copyright-page", "a.xhtml#x") == ["For Anna.", "So.", *_STORY]


def test_a_heading_that_a_landmark_names_stands_for_what_is_below_it() -> None:
    page = (
        "<h2>For Anna</h2><p>A.</p><h2 id='x'>The paper</h2><p>Thin.</p><h2>Before</h2><p>So.</p>"
    )
    assert _spoken(page, "colophon", "a.xhtml#x") == ["For Anna", "A.", "Before", "So.", *_STORY]


def test_a_landmark_that_leads_nowhere_hides_nothing() -> None:
    assert _spoken("<p>For Anna.</p>", "colophon", "a.xhtml#y") == ["For Anna.", *_STORY]


_PROSE = (
    "<p>" + "The road went on through the hills, and nobody spoke for a long while. " * 8 + "</p>"
)


@pytest.mark.parametrize("kind", ["toc", "index", "copyright-page"])
def test_a_landmark_is_not_believed_where_there_is_running_text(kind: str) -> None:
    assert len(_spoken(f"<h2>One</h2>{_PROSE * 12}", kind, "a.xhtml")) == 13 + len(_STORY)


def test_an_imprint_ends_where_the_contents_name_a_chapter_on_its_page() -> None:
    page = '<p>On thin paper.</p><h2 id="x">One</h2><p>It began.</p>'
    navigation = contents_of({"a.xhtml#x": "One", "b.xhtml": "The Hill"})
    landmark = '</nav><nav epub:type="landmarks"><ol><li><a epub:type="imprint" href="a.xhtml">'
    data = make_epub({"a": page, **_PAGES}, contents=f"{navigation}{landmark}M</a></li></ol>")
    document = read_document(data, name="book.epub")
    assert document.chapters[0].title == "One"
    assert [document.source[s.start : s.end] for s in document.skips] == ["On thin paper."]
