"""Reading takes linear time, as far as this can be measured on a busy machine."""

import time
from collections.abc import Callable

import pytest

from narration.documents.read import read_document
from tests.document_files import make_docx, make_pdf, paragraph
from tests.epubs import make_epub

_SMALL = 800
_TIMES = 8
_MOST = 30  # linear is 8, quadratic 64
_PAGES = {
    "unclosed p": "<p>word word",
    "unclosed b": "<b>word ",
    "unclosed div": "<div>word ",
    "rows": "<tr><td>word one<td>word two",
    "lines": "word and word<br>",
    "raised": "word<sup>1</sup> ",
    "links": '<a href="#x" id="x">word</a> ',
    "contents": '<p><a href="#x">word</a></p>',
    "headings": "<h2>Chapter one</h2><p>word</p>",
    "titles": "<p>The Hill</p><h2>The Hill</h2><p>It began on a hill.</p>",
    "titles alone": "<h2>The Hill</h2><h2>The Road</h2>",
    "items": "<li>word one",
    "images": '<img alt="word word"/>',
}
_TEXTS = {
    "lines": "line of text here, number one and so on\n",
    "rows": "| one word | two words |\n",
    "quotes": "> line of text\n",
    "items": "- item here\n",
    "breaks": "a line \\\n",
    "html": "<p>words here</p>\n",
    "links": "[a](#b) ",
    "formulas": "$x$ \\( \\[ $y ",
    "notes": "[^1]: A note.\n",
    "headings": "# a\n\nword\n\n",
}
_PLAIN = {
    "lines": "line of text here, number one and so on\n",
    "paragraphs": "line of text here.\n\n",
    "chapters": "CHAPTER IV\n\nword and word\n\n",
    "numerals": "IV\n\nword\n\n",
    "contents": "The Hill . . . . . 12\n",
    "hyphens": "some-\nthing is bro-\nken ",
    "stars": "* A note.\n\n" + "word* " * 40,
    "turns": "There were three of them:\n\nAnna\n\nBen\n\nCarl\n\n",
    "signs": "word* and word*\n\n* A note.\n\n* One.\n\n",
    "lists of notes": "word[1] and\n\nNOTES\n\n2. A beast.\n\nA title\n\n3. One.\n\n",
    "headings of notes": "NOTES\n",
    "notes": "word [1] and [2]\n\n[1] A note.\n\n",
    "rules": "* * * * *\n\n",
    "licence": "*** START OF THE PROJECT GUTENBERG EBOOK ***\n\nword\n\n",
    "indents": "    word and word\n  and more\n",
    "one word": "w" * 12,
    "divided": "w" * 12 + "-",
    "empty lines": "word-" + "\n" * 12,
    "leaders": "." * 12,
}


def _docx(unit: str, count: int) -> bytes:
    return make_docx(unit * count)


def _html(unit: str, count: int) -> bytes:
    return f"<html><body><p>First.</p>{unit * count}</body></html>".encode()


def _fb2(unit: str, count: int) -> bytes:
    return (
        '<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><body>'
        f"<section><p>First.</p></section>{unit * count}</body></FictionBook>"
    ).encode()


def _ssml(unit: str, count: int) -> bytes:
    return f"<speak>{unit * count}</speak>".encode()


def _pdf(unit: str, count: int) -> bytes:
    page = [(72, 740 - 20 * line, 12, unit) for line in range(30)]
    return make_pdf([page] * (count // 30))


_FILES: list[tuple[str, Callable[[str, int], bytes], str]] = [
    ("a.html", _html, "<p>word word"),
    ("a.html", _html, "<table><tr><td>word<td>12"),
    ("a.docx", _docx, paragraph("word and word")),
    ("a.docx", _docx, paragraph("One", "Heading1")),
    ("a.docx", _docx, f"<w:tbl><w:tr><w:tc>{paragraph('word')}</w:tc></w:tr></w:tbl>"),
    ("a.fb2", _fb2, "<section><title><p>One</p></title><p>word</p></section>"),
    ("a.fb2", _fb2, "<section><poem><stanza><v>word</v></stanza></poem></section>"),
    ("a.ssml", _ssml, "<p><s>word and word.</s></p>"),
    ("a.ssml", _ssml, '<break time="1s"/>word '),
    ("a.pdf", _pdf, "word and word"),
]


def _seconds(data: bytes, name: str) -> float:
    """Return the shortest of three times, since other work on the machine only adds to them."""

    def once() -> float:
        began = time.process_time()
        read_document(data, name=name)
        return time.process_time() - began

    return min(once() for _ in range(3))


def _ratio(small: bytes, large: bytes, name: str) -> float:
    return _seconds(large, name) / max(_seconds(small, name), 1e-3)


@pytest.mark.parametrize("kind", _PAGES)
def test_a_page_is_read_in_linear_time(kind: str) -> None:
    small, large = (
        make_epub({"a": "<p>First.</p>", "b": _PAGES[kind] * count})
        for count in (_SMALL, _SMALL * _TIMES)
    )
    assert _ratio(small, large, "a.epub") < _MOST


@pytest.mark.parametrize("kind", _TEXTS)
def test_markdown_is_read_in_linear_time(kind: str) -> None:
    head = "| a | b |\n|---|---|\n" if kind == "rows" else "First words.\n\n"
    small, large = ((head + _TEXTS[kind] * count).encode() for count in (_SMALL, _SMALL * _TIMES))
    assert _ratio(small, large, "a.md") < _MOST


@pytest.mark.parametrize("kind", _PLAIN)
def test_plain_text_is_read_in_linear_time(kind: str) -> None:
    small, large = (
        ("First words.\n\n" + _PLAIN[kind] * count).encode() for count in (_SMALL, _SMALL * _TIMES)
    )
    assert _ratio(small, large, "a.txt") < _MOST


@pytest.mark.parametrize(("name", "make", "unit"), _FILES)
def test_a_file_is_read_in_linear_time(
    name: str, make: Callable[[str, int], bytes], unit: str
) -> None:
    small, large = (make(unit, count) for count in (_SMALL, _SMALL * _TIMES))
    assert _ratio(small, large, name) < _MOST
