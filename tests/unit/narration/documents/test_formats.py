"""DOCX, FB2, SSML and PDF, each read from a file that is built here."""

import time

import pytest

from narration.documents.read import read_document
from narration.documents.types import BlockKind, Document, Identifier, Series, SkipReason
from narration.errors import DocumentError
from narration.text.chunk import plan_chunks
from tests.document_files import make_docx, make_pdf, make_zip, paragraph

_REFERENCE = '<w:r><w:footnoteReference w:id="2"/></w:r>'
_DOCX = make_docx(
    paragraph("The Hill", "Title")
    + paragraph("One 1", "TOC1")
    + paragraph("One", "Heading1")
    + paragraph("It began.", extra=_REFERENCE)
    + paragraph("Two", "Heading1")
    + paragraph("It went on.")
    + f"<w:tbl><w:tr><w:tc>{paragraph('Anna.')}</w:tc><w:tc>{paragraph('I am here.')}</w:tc></w:tr>"
    "</w:tbl>",
    footnotes=f'<w:footnote w:id="2">{paragraph("A note.")}</w:footnote>',
    core="<dc:title>The Hill</dc:title><dc:creator>A. Writer; B. Other</dc:creator>"
    "<dc:language>en-GB</dc:language><dcterms:created>2020-01-02T03:04:05Z</dcterms:created>",
)
_FB2 = """<?xml version="1.0" encoding="utf-8"?>
<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"
 xmlns:l="http://www.w3.org/1999/xlink"><description><title-info>
<author><first-name>Ann</first-name><last-name>Lee</last-name></author>
<author><nickname>bo</nickname></author><book-title>The Hill</book-title>
<annotation><p>Of a hill.</p></annotation><date value="1999-01-01">1999</date><lang>en</lang>
<coverpage><image l:href="#c.jpg"/></coverpage><sequence name="Hills" number="2"/></title-info>
<publish-info><publisher>P</publisher><isbn>123</isbn></publish-info></description>
<body><title><p>The Hill</p></title>
<section><title><p>Chapter I</p><p>The Road</p></title>
<p>It <emphasis>began</emphasis>.<a l:href="#n1" type="note">[1]</a> And more.</p>
<poem><stanza><v>Roses are red</v><v>Violets are blue</v></stanza></poem></section>
<section><title><p>Chapter II</p></title><p>It ended.</p><image l:href="#c.jpg"/></section></body>
<body name="notes"><section id="n1"><title><p>1</p></title><p>A note.</p></section></body>
<binary id="c.jpg" content-type="image/jpeg">/9j/</binary></FictionBook>"""


def _blocks(document: Document) -> list[str]:
    return [
        " ".join("".join(document.source[r.start : r.end] for r in block.runs).split())
        for chapter in document.chapters
        for block in chapter.blocks
    ]


def _titles(document: Document) -> list[str]:
    return [chapter.title for chapter in document.chapters]


def _skipped(document: Document, reason: SkipReason) -> str:
    return " ".join(document.source[s.start : s.end] for s in document.skips if s.reason is reason)


def test_a_word_document_is_read_with_its_headings_and_tables() -> None:
    document = read_document(_DOCX, name="a.docx")
    assert _titles(document) == ["One", "Two"]
    assert _blocks(document) == [
        "The Hill",
        "One",
        "It began.",
        "Two",
        "It went on.",
        "Anna. I am here.",
    ]


def test_the_notes_and_contents_of_a_word_document_are_skipped() -> None:
    document = read_document(_DOCX, name="a.docx")
    assert "A note." in _skipped(document, SkipReason.NOTE)
    assert _skipped(document, SkipReason.NOTE_MARK) == "[1]"
    assert _skipped(document, SkipReason.NAVIGATION) == "One 1"


def test_the_properties_of_a_word_document_are_kept() -> None:
    metadata = read_document(_DOCX, name="a.docx").metadata
    assert (metadata.title, metadata.authors) == ("The Hill", ("A. Writer", "B. Other"))
    assert (metadata.language, metadata.date) == ("en-GB", "2020-01-02")


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_fictionbook_is_read_with_its_sections(is_packed: bool) -> None:
    data = make_zip({"book.fb2": _FB2}) if is_packed else _FB2.encode()
    document = read_document(data, name="a.fb2.zip" if is_packed else "a.fb2")
    assert _titles(document) == ["Chapter I. The Road", "Chapter II"]
    assert _blocks(document)[2:5] == ["It began. And more.", "Roses are red", "Violets are blue"]
    assert document.chapters[0].blocks[3].kind is BlockKind.LINE
    assert _skipped(document, SkipReason.NOTE).split() == ["1", "A", "note."]


def test_the_description_of_a_fictionbook_is_kept() -> None:
    metadata = read_document(_FB2.encode(), name="a.fb2").metadata
    assert (metadata.title, metadata.authors) == ("The Hill", ("Ann Lee", "bo"))
    assert (metadata.language, metadata.date) == ("en", "1999-01-01")
    assert (metadata.publisher, metadata.description) == ("P", "Of a hill.")
    assert metadata.series == Series(name="Hills", position="2")
    assert metadata.identifiers == (Identifier(scheme="isbn", value="123"),)
    assert metadata.cover is not None
    assert (metadata.cover.data, metadata.cover.media_type) == (b"\xff\xd8\xff", "image/jpeg")


def test_the_text_of_ssml_is_read_whatever_it_is_called() -> None:
    data = (
        b'<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-GB">'
        b'<metadata>no</metadata><p>The <sub alias="World Wide Web">WWW</sub> said'
        b'<break time="1s"/> so. <say-as interpret-as="characters">BBC</say-as> is'
        b' <prosody rate="slow">on</prosody>.</p><p><s>One.</s><s>Two.</s></p></speak>'
    )
    document = read_document(data, name="a.txt")
    assert _blocks(document) == ["The World Wide Web said", "so. B B C is on.", "One. Two."]
    assert document.metadata.language == "en-GB"


def _page(
    number: int, lines: list[tuple[float, float, str]]
) -> list[tuple[float, float, float, str]]:
    pieces: list[tuple[float, float, float, str]] = [
        (72, 760, 10, "THE HILL"),
        (300, 30, 10, str(number)),
    ]
    y = 700.0
    for size, indent, text in lines:
        pieces.append((72 + indent, y, size, text))
        y -= 14 if size < 14 else 30
    return pieces


_LONG = "He went up the long hill in the cold evening of a day when it was"
_PAGES = [
    _page(
        1,
        [
            (18, 0, "The First Climb"),
            (11, 12, _LONG),
            (11, 0, "raining and nobody had seen him for a while, which was some-"),
            (11, 0, "thing new."),
            (11, 12, "Then he sat down and looked over the valley below him where the"),
        ],
    ),
    _page(
        2,
        [
            (11, 0, "river ran, and he thought of nothing at all until morning came."),
            (18, 0, "The Second Climb"),
            (11, 12, "The next day was better."),
        ],
    ),
    _page(3, [(11, 12, "And the last one was the best of them all, as he often said.")]),
]


@pytest.mark.parametrize("bookmarks", [[("The First Climb", 0), ("The Second Climb", 1)], []])
def test_a_pdf_is_read_as_paragraphs_and_chapters(bookmarks: list[tuple[str, int]]) -> None:
    document = read_document(make_pdf(_PAGES, title="The Hill", bookmarks=bookmarks), name="a.pdf")
    assert document.metadata.title == "The Hill"
    assert _titles(document) == ["The First Climb", "The Second Climb"]
    spoken = "".join(
        document.source[run.start : run.end] if run.reading is None else run.reading
        for block in document.chapters[0].blocks[1:]
        for run in block.runs
    )
    assert " ".join(spoken.split()) == (
        f"{_LONG} raining and nobody had seen him for a while, which was something new."
        "Then he sat down and looked over the valley below him where the "
        "river ran, and he thought of nothing at all until morning came."
    )


def test_running_heads_and_page_numbers_of_a_pdf_are_skipped() -> None:
    document = read_document(make_pdf(_PAGES), name="a.pdf")
    assert _skipped(document, SkipReason.RUNNING_HEAD) == "THE HILL THE HILL THE HILL"
    assert _skipped(document, SkipReason.PAGE_NUMBER) == "1 2 3"


def _footed(number: int, *foot: str) -> list[tuple[float, float, float, str]]:
    words = ["north", "east", "south", "west"]
    body = [f"the {words[number]} wind blew over line {words[n % 4]} of {n * n}" for n in range(12)]
    lines = [*body, *foot, str(number + 1)]
    return [(72.0, 740.0 - 14 * at, 11.0, line) for at, line in enumerate(lines)]


@pytest.mark.parametrize(
    "foot",
    [
        ("For the sole use of the per-", "son who bought it."),
        ("For the sole use", "of the one who bought it in the year of the ques-", "tion."),
    ],
)
def test_a_running_foot_of_several_lines_is_skipped_whole(foot: tuple[str, ...]) -> None:
    document = read_document(make_pdf([_footed(n, *foot) for n in range(4)]), name="a.pdf")
    spoken = " ".join(chunk.spoken_text for chunk in plan_chunks(document).chunks)
    assert "bought" not in spoken
    assert spoken.count(" wind blew") == 48


def test_pages_that_all_say_the_same_are_read() -> None:
    page = [(72.0, 740.0, 12.0, "The same short text stands here.")]
    document = read_document(make_pdf([page] * 3), name="a.pdf")
    assert " ".join(_blocks(document)).count("The same short text") == 3


def test_columns_of_a_pdf_are_read_one_after_the_other() -> None:
    rows = [
        piece
        for number in range(12)
        for piece in (
            (72.0, 700.0 - 14 * number, 10.0, f"the left line number {number} goes"),
            (330.0, 700.0 - 14 * number, 10.0, f"the right line number {number} goes"),
        )
    ]
    heading = (
        72.0,
        730.0,
        10.0,
        "A title that runs over both of the columns of this page, as it is",
    )
    words = " ".join(_blocks(read_document(make_pdf([[heading, *rows]]), name="a.pdf")))
    left = " ".join(f"the left line number {number} goes" for number in range(12))
    assert words.index("A title") < words.index(left) < words.index("the right line number 0")


def test_a_pdf_says_that_it_is_read_as_well_as_may_be() -> None:
    assert "layout" in read_document(make_pdf(_PAGES), name="a.pdf").remarks[-1].text


def test_a_pdf_of_pictures_is_refused_with_what_to_do() -> None:
    with pytest.raises(DocumentError, match=r"no text layer.*OCR"):
        read_document(make_pdf([[], []]), name="a.pdf")


def test_a_protected_pdf_is_refused_with_what_to_do() -> None:
    data = make_pdf(_PAGES).replace(
        b"/Root 1 0 R",
        b"/Encrypt<</Filter/Standard/V 1/R 2/P -1/O<" + b"00" * 32 + b">/U<" + b"00" * 32 + b">>>"
        b"/ID[<00><00>]/Root 1 0 R",
    )
    with pytest.raises(DocumentError, match="protected by a password"):
        read_document(data, name="a.pdf")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (make_pdf(_PAGES)[:400], "a.pdf"),
        (_DOCX[:500], "a.docx"),
        (make_zip({"word/document.xml": "<w:document"}), "a.docx"),
        (make_zip({"word/document.xml": "<x/>", "[Content_Types].xml": "<Types/>"}), "a.docx"),
        (b"<FictionBook><body></body></FictionBook>", "a.fb2"),
        (make_zip({"a.fb2": _FB2, "b.fb2": _FB2}), "a.fb2.zip"),
        (b"<speak></speak>", "a.ssml"),
        (b"<html><body></body></html>", "a.html"),
    ],
)
def test_a_damaged_or_empty_file_is_refused_with_what_to_do(data: bytes, name: str) -> None:
    with pytest.raises(DocumentError, match=r": "):
        read_document(data, name=name)


@pytest.mark.parametrize(
    "data",
    [
        make_docx("<w:p>" * 5_000),
        make_docx("<a" * 1_000_000),
        make_docx(paragraph("a") * 200_000),
        make_docx("<w:tbl><w:tr><w:tc>" * 300 + paragraph("a") + "</w:tc></w:tr></w:tbl>" * 300),
        make_docx(paragraph("x" * 30_000_000)),
        make_zip({"a.fb2": "<FictionBook><body>" + "<section>" * 100_000}),
        make_zip({"a.fb2": "<FictionBook><body>" + "x" * 70_000_000}),
        b"<speak>" + b"<p>" * 20_000,
        b"<html>" + b"<div>" * 20_000,
        make_pdf([[(9, 3 * n, 2, "word " * 50) for n in range(1_000)]]),
    ],
    ids=[
        "open paragraphs",
        "unclosed tags",
        "many paragraphs",
        "deep tables",
        "long word",
        "deep sections",
        "bomb",
        "deep speech",
        "deep page",
        "giant page",
    ],
)
def test_a_hostile_file_is_refused_in_bounded_time(data: bytes) -> None:
    started = time.process_time()
    with pytest.raises(DocumentError, match=r": "):
        read_document(data, name="a.txt", max_bytes=10_000_000)
    assert time.process_time() - started < 20
