"""Reading takes time in proportion to the text, as far as a busy machine can tell."""

import time

import pytest

from narration.documents.read import read_document
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
    "headings": "# a\n\nword\n\n",
}


def _seconds(data: bytes, name: str) -> float:
    """Return the least of three times: other work on the machine only adds."""

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
