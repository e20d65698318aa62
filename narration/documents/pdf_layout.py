"""Lines of the pages of a PDF -> paragraphs, with running heads and page numbers detected."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from narration.documents.pdf_columns import TextLine

_EDGE_LINES = 2  # lines at the top and bottom of a page that may be running heads
_HEAD_LINES = 6  # that a running head may have, if the lines outside of it repeat as well
_HEAD_PAGES = 3
_MOST_PAGES = 0.6  # of all; above this share the outermost lines count the pages
_OUTER_NUMBER = re.compile(r"^\d{1,4}(?=\s)|(?<=\s)\d{1,4}$", re.ASCII)
_HEADING_HEIGHT = 1.15
_INDENT = 0.8  # of the height
_LEADING = 1.5  # times the usual line distance, from which on a gap is an empty line
_SHORT_LINE = 0.8  # of the column's width, below which a line may be the last of its paragraph
_DIGITS = re.compile(r"\d+|\b[ivxlcdm]+\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"[\W_]*(?:page\s+)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of)\s*\d+)?[\W_]*", re.IGNORECASE
)
_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line in reading order with its role; `gap` counts the empty lines above it."""

    text: str
    gap: int
    page: int
    is_number: bool = False
    is_head: bool = False
    is_big: bool = False


def place_lines(pages: Sequence[Sequence[TextLine]]) -> Iterator[PlacedLine]:
    """Return the lines of all pages with the empty lines between their paragraphs."""
    heights = Counter(round(line.height) for lines in pages for line in lines)
    body = heights.most_common(1)[0][0] if heights else 1
    heads = _running_heads(pages)
    before: TextLine | None = None
    for number, lines in enumerate(pages):
        leading = _leading(lines)
        edges = _columns(lines)
        is_first = True
        numbers, repeated = _edges(lines, heads)
        for index, line in enumerate(lines):
            if index in numbers:
                yield PlacedLine(text=line.text, gap=0, page=number, is_number=True)
                continue
            if index in repeated:
                yield PlacedLine(text=line.text, gap=0, page=number, is_head=True)
                continue
            gap = 0
            if before is not None:
                gap = _gap(before, line, body, leading, edges, is_turned=is_first)
            is_big = line.height > body * _HEADING_HEIGHT
            yield PlacedLine(text=line.text, gap=gap, page=number, is_big=is_big)
            before, is_first = line, False


def _running_heads(pages: Sequence[Sequence[TextLine]]) -> set[tuple[str, bool]]:
    """Return texts at the top (True) or bottom of several pages, ignoring their numbers."""
    counts: Counter[tuple[str, bool]] = Counter()
    for lines in pages:
        top = {(_key(line.text), True) for line in lines[:_HEAD_LINES]}
        bottom = {(_key(line.text), False) for line in lines[-_HEAD_LINES:]}
        counts.update(top | bottom)
    heads = {key for key, count in counts.items() if count >= _HEAD_PAGES and key[0]}
    heads |= set(_numbered_heads(pages))
    for lines in pages:
        numbers, repeated = _edges(lines, heads)
        if len(numbers | repeated) < len(lines):
            return heads
    return set()  # if pages contain nothing else, these are the text


def _numbered_heads(pages: Sequence[Sequence[TextLine]]) -> Iterator[tuple[str, bool]]:
    """Return outermost lines with a number that rises by one per page, on most of the pages."""
    places: dict[tuple[int, bool], set[str]] = {}
    counts: Counter[tuple[int, bool]] = Counter()
    for page, lines in enumerate(pages):
        for is_top, line in ((True, lines[:1]), (False, lines[-1:])):
            number = _OUTER_NUMBER.search(line[0].text) if line else None
            if number is not None:
                place = int(number[0]) - page, is_top
                counts[place] += 1
                places.setdefault(place, set()).add(_key(line[0].text))
    for place, count in counts.items():
        if count >= max(2, _MOST_PAGES * len(pages)):
            yield from ((key, place[1]) for key in places[place])


def _edges(lines: Sequence[TextLine], heads: set[tuple[str, bool]]) -> tuple[set[int], set[int]]:
    """Return which lines of a page are its page number, and which are its running heads."""
    numbers: set[int] = set()
    repeated: set[int] = set()
    for is_top in (True, False):
        order = range(len(lines)) if is_top else range(len(lines) - 1, -1, -1)
        repeating = others = 0  # not counting numbers; `others` do not repeat anywhere
        for depth, index in enumerate(order[:_HEAD_LINES]):
            text = lines[index].text
            if depth < _EDGE_LINES and _NUMBER.fullmatch(text):
                numbers.add(index)
                continue
            if repeating >= _EDGE_LINES and others:
                break
            repeating += 1
            if (_key(text), is_top) in heads:
                repeated.add(index)
            else:
                others += 1
    return numbers, repeated


def _key(text: str) -> str:
    return _DIGITS.sub("#", " ".join(text.lower().split()))


def _leading(lines: Sequence[TextLine]) -> float:
    """Return the usual distance between two lines of a page."""
    steps = [
        before.bottom - line.bottom
        for before, line in pairwise(lines)
        if before.column == line.column and before.bottom > line.bottom
    ]
    return median(steps) if steps else 0.0


def _columns(lines: Sequence[TextLine]) -> dict[int, tuple[float, float]]:
    """Return the left and right edge of each column."""
    edges: dict[int, tuple[float, float]] = {}
    for number in {line.column for line in lines}:
        own = [line for line in lines if line.column == number]
        edges[number] = (median(line.left for line in own), max(line.right for line in own))
    return edges


def _gap(
    before: TextLine,
    line: TextLine,
    body: float,
    leading: float,
    edges: dict[int, tuple[float, float]],
    *,
    is_turned: bool,
) -> int:
    """Return the number of empty lines between two lines: 0 in a paragraph, 3 around headings."""
    is_big, was_big = (each.height > body * _HEADING_HEIGHT for each in (line, before))
    if is_big != was_big:
        return 3 if is_big else 1
    if is_big:
        return 0 if before.bottom - line.bottom < 2 * line.height else 3
    left, right = edges[line.column]
    is_indented = line.left - left > _INDENT * line.height
    if is_turned or before.column != line.column:
        continues = not _ENDS.search(before.text) or line.text[:1].islower()
        return 0 if continues and not is_indented else 1
    if leading and before.bottom - line.bottom > _LEADING * leading:
        return 2 if before.bottom - line.bottom > 2 * _LEADING * leading else 1
    was_indented = before.left - left > _INDENT * line.height
    if is_indented and not was_indented:
        return 1
    is_short = before.right - left < (right - left) * _SHORT_LINE
    return 1 if is_short and _ENDS.search(before.text) is not None else 0
