import io
import zipfile

import pytest

from narration.documents.read import read_document
from narration.documents.types import Document
from narration.errors import DocumentError
from narration.text.chunk import plan_chunks

_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def _package(pages: dict[str, str]) -> str:
    items = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in pages
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages)
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<metadata><dc:title>The  Book</dc:title><dc:creator>A. Writer</dc:creator></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )


def _epub(pages: dict[str, str], **others: str) -> bytes:
    """Pages by name, bodies only; the order of the spine is that of the dict."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("OEBPS/book.opf", _package(pages))
        for name, body in pages.items():
            page = f"<html xmlns='x'><head><title>no</title></head><body>{body}</body></html>"
            archive.writestr(f"OEBPS/{name}.xhtml", page)
        for name, text in others.items():
            archive.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


def _read(body: str) -> Document:
    return read_document(_epub({"a": body}), name="book.epub")


def _spoken(body: str) -> list[str]:
    return [chunk.spoken_text for chunk in plan_chunks(_read(body)).chunks]


def _skipped(body: str) -> list[tuple[str, str]]:
    document = _read(body)
    return [
        (document.source[span.start : span.end], str(span.reason))
        for span in plan_chunks(document).skipped
    ]


def test_pages_are_read_in_the_order_of_the_spine() -> None:
    pages = {"z": "<h1>One</h1><p>First.</p>", "a": "<h1>Two</h1><p>Second.</p>"}
    document = read_document(_epub(pages), name="book.epub")
    assert [chapter.title for chapter in document.chapters] == ["One", "Two"]
    assert (document.title, document.author) == ("The Book", "A. Writer")


def test_a_page_without_a_heading_goes_on_with_the_chapter_before() -> None:
    pages = {"a": "<h2>One</h2><p>First.</p>", "b": "<p>More.</p>", "c": "<h2>Two</h2><p>Last.</p>"}
    document = read_document(_epub(pages), name="book.epub")
    assert [len(chapter.blocks) for chapter in document.chapters] == [3, 2]


@pytest.mark.parametrize(
    ("body", "spoken"),
    [
        ("<p>Some <b>bold</b>ly\n  said <i>words</i>.</p>", ["Some boldly said words."]),
        ("<p>One.</p><p>Two.</p>", ["One.", "Two."]),
        ("<div>Loose <p>and</p> text</div>", ["Loose", "and", "text"]),
        ("<p>One<br/>line.</p>", ["One", "line."]),
        ("<p>Tea &amp; cake&#8212;now.</p>", ["Tea and cake, now."]),
        ("<p>Left <b>open.<p>Next.</p>", ["Left open.", "Next."]),
        ("<p>A</i> stray end.</p>", ["A stray end."]),
        ("<script>var x = 1;</script><p>Seen.</p>", ["Seen."]),
        ("<ul><li>tea</li><li>cake</li></ul>", ["tea", "cake"]),
    ],
)
def test_a_page_is_heard_as_it_is_seen(body: str, spoken: list[str]) -> None:
    assert _spoken(body) == spoken


@pytest.mark.parametrize(
    ("body", "skipped"),
    [
        ('<p>One<a epub:type="noteref" href="#n">1</a>.</p>', [("1", "note_mark")]),
        ('<p>One<sup><a href="#n">12</a></sup>.</p>', [("12", "note_mark")]),
        ('<p>One.</p><aside epub:type="footnote"><p>Note.</p></aside>', [("Note.", "note")]),
        ('<p>One.</p><section role="doc-endnotes"><p>A.</p></section>', [("A.", "note")]),
        ('<p>One.</p><nav epub:type="toc"><a>Two</a></nav>', [("Two", "contents")]),
        ("<p>One.</p><pre>x = 1</pre>", [("x = 1", "code")]),
        (
            "<p>One.</p><table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>",
            [("1 2", "number_table"), ("3 4", "number_table")],
        ),
        ("<p>One.</p><p>* * *</p>", [("* * *", "ornament")]),
        ('<p>One<span epub:type="pagebreak">7</span>.</p>', [("7", "page_number")]),
    ],
)
def test_what_is_not_read_aloud_has_its_reason(body: str, skipped: list[tuple[str, str]]) -> None:
    assert _skipped(body) == skipped


def test_every_character_of_the_pages_belongs_to_a_span() -> None:
    document = _read("<h1>A</h1> x <p>One<sup><a>1</a></sup> two.</p>\n<p>*</p><p> </p><p>End</p>")
    spans = plan_chunks(document).spans
    assert "".join(document.source[span.start : span.end] for span in spans) == document.source


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"not a zip", "not a ZIP archive"),
        (_epub({"a": "<p>x</p>"})[:200], "not a ZIP archive"),
        (_epub({"a": "<img src='x.png'/>"}), "no text to read aloud"),
        (
            _epub({"a": "<p>x</p>"}).replace(b"container.xml", b"contained.xml"),
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
        read_document(_epub({"../../../etc/passwd": "<p>x</p>"}), name="book.epub")


def test_a_protected_book_is_refused() -> None:
    encryption = '<encryption><CipherReference URI="OEBPS/a.xhtml"/></encryption>'
    data = _epub({"a": "<p>x</p>"}, **{"META-INF__encryption.xml": encryption})
    with pytest.raises(DocumentError, match="DRM"):
        read_document(data, name="book.epub")


def test_protected_fonts_do_no_harm() -> None:
    encryption = '<encryption><CipherReference URI="OEBPS/font.otf"/></encryption>'
    data = _epub({"a": "<p>Words.</p>"}, **{"META-INF__encryption.xml": encryption})
    assert read_document(data, name="book.epub").chapters


def test_a_bomb_is_not_unpacked() -> None:
    data = _epub({"a": "a" * 68_000_000})
    assert len(data) < 100_000
    with pytest.raises(DocumentError, match="unpacks to more than 67,108,864 bytes"):
        read_document(data, name="book.epub")


def test_entities_that_multiply_are_stopped() -> None:
    rows = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "ha">{rows}]><container>&e11;</container>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/container.xml", bomb)
    with pytest.raises(DocumentError, match="names no package"):
        read_document(buffer.getvalue(), name="book.epub")
