"""How words on the pages of a PDF become text, on pages that the tests construct."""

from itertools import count

import pytest

from narration.documents.pdf_columns import Box, order_lines
from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason
from tests.document_files import make_pdf

Piece = tuple[float, float, float, str]
_ROWS = 12
_LEFT, _TOP, _LEADING, _WIDTH = 60.0, 700.0, 14.0, 480.0


def _columns(columns: int) -> list[Box]:
    """Words numbered in reading order: two in each line of each column."""
    numbers = count(1)
    own = _WIDTH / columns
    places = [
        (_LEFT + column * own + half * (own / 2 - 8), _TOP - row * _LEADING)
        for column in range(columns)
        for row in range(_ROWS)
        for half in (0, 1)
    ]
    return [
        Box(
            left=left,
            right=left + own / 2 - 12,
            bottom=bottom,
            top=bottom + 10,
            text=str(next(numbers)),
        )
        for left, bottom in places
    ]


def _paragraph(x: float, lines: int, y: float = _TOP) -> list[Piece]:
    text = "the river ran below the hill and nobody"
    return [(x, y - row * _LEADING, 10, text) for row in range(lines)]


def _skipped(document: Document) -> set[str]:
    reasons = {SkipReason.RUNNING_HEAD, SkipReason.PAGE_NUMBER}
    return {document.source[s.start : s.end] for s in document.skips if s.reason in reasons}


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_columns_are_read_one_after_the_other(columns: int) -> None:
    words = [int(word) for line in order_lines(_columns(columns)) for word in line.text.split()]
    assert words == list(range(1, 2 * _ROWS * columns + 1))


@pytest.mark.parametrize("columns", [2, 3])
def test_a_line_above_columns_is_read_before_them(columns: int) -> None:
    head = Box(left=200, right=400, bottom=740, top=750, text="0")
    number = Box(left=520, right=530, bottom=740, top=750, text="0")
    lines = order_lines([*_columns(columns), head, number])
    assert lines[0].text == "0 0"


def test_a_head_with_the_number_of_its_page_is_skipped_on_two_pages() -> None:
    pages = [
        [(60.0, 770.0, 9.0, f"{head} {number}"), *_paragraph(60, 12)]
        for number, head in enumerate(("THE HILL", "A. WRITER"), start=7)
    ]
    assert _skipped(read_document(make_pdf(pages), name="a.pdf")) == {"THE HILL 7", "A. WRITER 8"}


def test_a_first_line_with_a_number_that_does_not_rise_is_read() -> None:
    pages = [
        [(60.0, 770.0, 9.0, f"{head} 1900"), *_paragraph(60, 12)]
        for head in ("In the year", "Still in")
    ]
    assert _skipped(read_document(make_pdf(pages), name="a.pdf")) == set()
