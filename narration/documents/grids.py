"""Tables: a grid of numbers says nothing to a listener, any other table is read row by row."""

import re

from lxml import etree

from narration.documents.tree import local_name, page_text

_FIGURE = re.compile(
    r"\s*[(\[+±<>≈~$£€¥−–-]*\s*\d[\d.,:/\s'′″°−–-]*\s*"
    r"(?:%|‰|°|[a-zA-Zµ]{1,3}[²³]?|million|billion|thousand)?[)\]*†‡]*\s*"
)
_EMPTY = re.compile(r"[\s.…·—–-]*")
_LEAST_FIGURES = 4
_LONGEST_FIGURE = 40
_GRID_SHARE = 0.5


def is_grid_of_numbers(table: etree._Element) -> bool:
    """Tell whether most cells that are no headings hold figures, in two columns and more."""
    figures = words = columns = 0
    for element in table.iter():
        name = local_name(element)
        if name == "tr":
            columns = max(columns, sum(local_name(cell) in {"td", "th"} for cell in element))
        elif name == "td":
            text = page_text(element, _LONGEST_FIGURE)
            if is_figure(text):
                figures += 1
            elif not _EMPTY.fullmatch(text):
                words += 1
    if columns < 2 or figures < _LEAST_FIGURES:
        return False
    # A first column of names heads its rows, as the first row heads the columns.
    return figures / (figures + words) >= _GRID_SHARE


def is_figure(text: str) -> bool:
    """Tell whether a cell holds a figure, perhaps with its unit."""
    return _FIGURE.fullmatch(text) is not None
