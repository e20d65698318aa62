"""Tables: a grid of numbers means nothing to a listener, any other table is read row by row."""

import re
from collections.abc import Iterator, Sequence

from lxml import etree

from narration.documents.tree import local_name, page_text

_FIGURE = re.compile(
    r"[(\[+±<>≈~$£€¥−–\s-]*+\d[\d.,:/\s'′″°−–-]*+"
    r"(?:%|‰|[a-zA-Zµ]{1,3}[²³]?|million|billion|thousand)?[)\]*†‡]*+"
)
_EMPTY = re.compile(r"[\s.…·—–-]*")
_LEAST_FIGURES = 4
_LONGEST_FIGURE = 40
_LONGEST_CELL = 400  # characters of a cell that are examined: a longer text is prose
_GRID_SHARE = 0.5
# With fewer figures a row is an entry with a number: a verse, a year with an event, a price.
_FIGURES_PER_ROW = 1.5
# Row and column names, and a source below the table, are short compared to its figures; a table
# with more text than that is used for page layout.
_TEXT_PER_FIGURE = 20


def is_grid_of_numbers(table: etree._Element) -> bool:
    """Return whether a table, apart from tables inside it, is a grid of numbers."""
    return is_grid([list(_texts(row)) for row in _rows(table)])


def is_grid(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether most cells of these rows hold figures, in two columns or more."""
    texts = [text for row in rows for text in row if not _EMPTY.fullmatch(text)]
    words = [text for text in texts if not is_figure(text)]
    figures = len(texts) - len(words)
    figure_rows = sum(any(map(is_figure, row)) for row in rows)
    return (
        max(map(len, rows), default=0) > 1
        and figures >= max(_LEAST_FIGURES, _FIGURES_PER_ROW * figure_rows)
        and figures >= _GRID_SHARE * len(texts)
        and sum(map(len, words)) <= _TEXT_PER_FIGURE * figures
    )


def is_figure(text: str) -> bool:
    """Return whether a cell holds a figure, possibly with a unit."""
    text = text.strip()
    return len(text) <= _LONGEST_FIGURE and _FIGURE.fullmatch(text) is not None


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for element in table:
        name = local_name(element)
        if name == "tr":
            yield element
        elif name in {"thead", "tbody", "tfoot"}:
            yield from (row for row in element if local_name(row) == "tr")


def _texts(row: etree._Element) -> Iterator[str]:
    """Return the texts of the cells that are not headings; headings keep their place in the row."""
    for cell in row:
        name = local_name(cell)
        if name == "td":
            yield page_text(cell, _LONGEST_CELL)
        elif name == "th":
            yield ""
