import io
import os
import zipfile

import pytest

from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason
from narration.errors import DocumentError
from narration.text.chunk import plan_chunks
from tests.epubs import make_epub


def _read(body: str, **parts: str) -> Document:
    return read_document(make_epub({"a": body}, **parts), name="book.epub")  # type: ignore[arg-type]


def _spoken(document: Document) -> list[str]:
    return [chunk.spoken_text for chunk in plan_chunks(document).chunks]


def _skipped(document: Document) -> list[tuple[str, str]]:
    return [
        (document.source[span.start : span.end], str(span.reason))
        for span in plan_chunks(document).skipped
    ]


def test_pages_are_read_in_the_order_of_the_spine() -> None:
    pages = {"z": "<h1>One</h1><p>First.</p>", "a": "<h1>Two</h1><p>Second.</p>"}
    document = read_document(make_epub(pages), name="book.epub")
    assert [chapter.title for chapter in document.chapters] == ["One", "Two"]
    assert (document.title, document.author) == ("The Book", "A. Writer")


def test_a_page_without_a_heading_goes_on_with_the_chapter_before() -> None:
    pages = {"a": "<h2>One</h2><p>First.</p>", "b": "<p>More.</p>", "c": "<h2>Two</h2><p>Last.</p>"}
    document = read_document(make_epub(pages), name="book.epub")
    assert [len(chapter.blocks) for chapter in document.chapters] == [3, 2]


def test_every_character_of_the_pages_belongs_to_a_span() -> None:
    document = _read("<h1>A</h1> x <p>One<sup><a>1</a></sup> two.</p>\n<p>*</p><p> </p><p>End</p>")
    spans = plan_chunks(document).spans
    assert "".join(document.source[span.start : span.end] for span in spans) == document.source


def test_text_that_the_style_sheet_hides_is_skipped() -> None:
    document = read_document(
        make_epub(
            {"a": '<p>Seen.</p><p class="x">Hidden.</p><p class="y">Print.</p>'},
            head='<link rel="stylesheet" href="s.css"/><style>.z {display: none}</style>',
            files={
                "OEBPS/s.css": "p.x { color: red; display:none } @media print {.y {display:none}}"
            },
        ),
        name="book.epub",
    )
    assert _spoken(document) == ["Seen.", "Print."]
    assert _skipped(document) == [("Hidden.", "hidden")]


def test_a_page_the_guide_calls_the_copyright_page_is_skipped() -> None:
    data = make_epub(
        {"a": "<p>Some fine print.</p>", "b": "<p>The story.</p>"},
        guide='<reference type="copyright-page" href="a.xhtml"/>',
    )
    document = read_document(data, name="book.epub")
    assert _spoken(document) == ["The story."]
    assert _skipped(document) == [("Some fine print.", "copyright")]


def test_a_copyright_page_is_known_by_what_it_says() -> None:
    imprint = "<p>All rights reserved. ISBN 978-1-234-56789-7.</p><p>Printed in Wales, © 2019.</p>"
    data = make_epub({"a": imprint, "b": "<p>The story.</p>"})
    assert _spoken(read_document(data, name="book.epub")) == ["The story."]


def test_contents_are_known_by_their_title_and_their_links() -> None:
    links = '<p><a href="b.xhtml">1. The Hill</a></p><p><a href="b.xhtml#x">2. The Road</a></p>'
    data = make_epub(
        {"a": f"<h2>Contents</h2>{links}", "b": "<h2>1. The Hill</h2><p>It began.</p>"}
    )
    document = read_document(data, name="book.epub")
    assert _spoken(document) == ["one. The Hill", "It began."]
    assert [chapter.title for chapter in document.chapters] == ["1. The Hill"]
    assert {skip.reason for skip in document.skips} == {SkipReason.CONTENTS}


def test_a_page_of_links_is_contents_though_nothing_says_so() -> None:
    links = "".join(f'<p><a href="b.xhtml#{n}">Place {n}</a></p>' for n in range(5))
    data = make_epub({"a": links, "b": "<p>The story.</p>"})
    assert _spoken(read_document(data, name="book.epub")) == ["The story."]


def test_an_index_is_known_by_its_words_and_pages_though_nothing_says_so() -> None:
    words = ["ape, 3, 12", "bear, 4–6", "cat, 7n", "dog, 9, 11, 40", "eel, 3", "fox, red, 8"]
    index = "".join(f"<p>{word}</p>" for word in words)
    data = make_epub({"a": "<p>The story.</p>", "b": index})
    assert _spoken(read_document(data, name="book.epub")) == ["The story."]
    guests = "".join(f"<p>{word}</p>" for word in ["Rose, 9", "Ann, 7", "Zoe, 3", "Bert, 12"] * 2)
    assert len(_spoken(_read(guests))) == 8


def test_a_chapter_called_contents_is_read() -> None:
    prose = "<p>The drawer held nothing that anyone had missed in all the years since the fire.</p>"
    assert len(_spoken(_read(f"<h2>Contents</h2>{prose * 4}"))) == 5


def test_a_note_is_found_where_its_mark_leads() -> None:
    pages = {
        "a": '<p>The fox ran.<a href="b.xhtml#n1">[1]</a></p>',
        "b": '<h2>On the text</h2><p id="n1"><a href="a.xhtml#r1">[1]</a> A fox is a beast.</p>'
        "<p>The end.</p>",
    }
    document = read_document(make_epub(pages), name="book.epub")
    assert _spoken(document) == ["The fox ran.", "On the text", "The end."]
    assert ("A fox is a beast.", "note") in [(t.strip(), r) for t, r in _skipped(document)]


def test_what_gutenberg_sets_around_a_book_is_skipped() -> None:
    body = (
        "<p>The Project Gutenberg eBook of A Day Out</p><p>This ebook is for the use of anyone.</p>"
        "<div>*** START OF THE PROJECT GUTENBERG EBOOK A DAY OUT ***</div>"
        "<p>Produced by A Volunteer</p><p>Transcribed from the 1910 edition by B</p>"
        "<h2>Chapter I</h2><p>He went out.</p>"
        "<div>*** END OF THE PROJECT GUTENBERG EBOOK A DAY OUT ***</div><p>Section 1. Terms</p>"
    )
    document = _read(body)
    assert _spoken(document) == ["Chapter one", "He went out."]
    assert {skip.reason for skip in document.skips} == {SkipReason.BOILERPLATE}


def test_a_reason_that_is_asked_for_is_read_after_all() -> None:
    data = make_epub({"a": '<p>One.<sup>1</sup></p><aside epub:type="footnote">The note.</aside>'})
    document = read_document(data, name="a.epub", spoken=frozenset({SkipReason.NOTE}))
    assert _spoken(document) == ["One.", "The note."]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"not a zip", "not a ZIP archive"),
        (make_epub({"a": "<p>x</p>"})[:200], "not a ZIP archive"),
        (make_epub({"a": "<img src='x.png'/>"}), "book of pictures"),
        (make_epub({"a": '<nav epub:type="toc"><a href="#a">x</a></nav>'}), "book of pictures"),
        (
            make_epub({"a": "<p>x</p>"}).replace(b"container.xml", b"contained.xml"),
            "container.xml is missing",
        ),
    ],
)
def test_a_damaged_book_is_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(DocumentError, match=named) as caught:
        read_document(data, name="book.epub")
    assert '"book.epub"' in str(caught.value)


def test_a_spine_never_leaves_the_archive() -> None:
    with pytest.raises(DocumentError, match=r"etc/passwd.xhtml is missing"):
        read_document(make_epub({"../../../etc/passwd": "<p>x</p>"}), name="book.epub")


def test_a_protected_book_is_refused() -> None:
    encryption = '<encryption><CipherReference URI="OEBPS/a.xhtml"/></encryption>'
    data = make_epub({"a": "<p>x</p>"}, files={"META-INF/encryption.xml": encryption})
    with pytest.raises(DocumentError, match="DRM"):
        read_document(data, name="book.epub")


def test_protected_fonts_do_no_harm() -> None:
    encryption = '<encryption><CipherReference URI="OEBPS/font.otf"/></encryption>'
    data = make_epub({"a": "<p>Words.</p>"}, files={"META-INF/encryption.xml": encryption})
    assert read_document(data, name="book.epub").chapters


def test_the_limit_counts_text_and_not_pictures() -> None:
    buffer = io.BytesIO(make_epub({"a": "<p>Forty bytes of text.</p>"}))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("OEBPS/a.jpg", os.urandom(17_000_000))
    assert _spoken(read_document(buffer.getvalue(), name="book.epub")) == ["Forty bytes of text."]


def test_more_text_than_the_limit_is_refused() -> None:
    data = make_epub({"a": "<p>" + "word " * 1000 + "</p>"})
    with pytest.raises(DocumentError, match="more than 1,000 characters of text"):
        read_document(data, name="book.epub", max_bytes=1000)


@pytest.mark.parametrize("title", ["Imprint", "Colophon", "Footnotes", "Copyright"])
def test_a_chapter_of_such_a_title_is_read(title: str) -> None:
    story = "<p>It was a dark night on the hill, and the wind blew from the west.</p>" * 40
    pages = {"a": f"<h1>One</h1>{story}", "b": f"<h1>{title}</h1>{story}"}
    document = read_document(make_epub(pages), name="a.epub")
    assert [chapter.title for chapter in document.chapters] == ["One", title]


@pytest.mark.parametrize(
    ("title", "page"),
    [
        ("Imprint", "<p>Set in Garamond at the Hill Press.</p>" * 5),
        ("Imprint", "<p>Published by the Hill Press.</p>" + "<p>Editor: A. Writer</p>" * 90),
        ("Footnotes", "".join(f"<p>{n}. It stands in the survey.</p>" for n in range(90))),
    ],
)
def test_an_imprint_and_a_page_of_notes_are_skipped(title: str, page: str) -> None:
    pages = {"a": "<h1>One</h1><p>It began.</p>", "b": f"<h1>{title}</h1>{page}"}
    document = read_document(make_epub(pages), name="a.epub")
    assert [chapter.title for chapter in document.chapters] == ["One"]
