"""Pieces of text on the pages of a PDF -> lines in reading order; running heads are told apart.

Pure geometry: a page is a list of boxes in points, with the origin at its lower left corner.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_SAME_LINE = 0.5  # of a line's height by which boxes of one line may differ
_COLUMN_GAP = 1.2  # of the height: a wider one may part two columns
_CROSSING_SHARE = 0.1  # of the lines that may run across a gutter: titles do
_STEPS = 200  # strips of a page's width
_MARGIN = 0.3  # of the width, in which no gutter is looked for
_LEAST_LINES = 6  # in each column; fewer are a table or a signature
_EDGE_LINES = 2  # lines at the top and bottom of a page that may be running heads
_HEAD_LINES = 6  # that a running head may have, if those outside of each repeat too
_HEAD_PAGES = 3
_HEADING_HEIGHT = 1.15
_INDENT = 0.8  # of the height
_LEADING = 1.5  # of the usual distance of lines, from which on a gap is an empty line
_SHORT_LINE = 0.8  # of the column's width, below which a line may be its paragraph's last
_DIGITS = re.compile(r"\d+|\b[ivxlcdm]+\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"[\W_]*(?:page\s+)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of)\s*\d+)?[\W_]*", re.IGNORECASE
)
_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A word and where it stands."""

    left: float
    bottom: float
    right: float
    top: float
    text: str

    @property
    def height(self) -> float:
        """Height of its tallest letters."""
        return max(self.top - self.bottom, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of a column; `column` counts the columns of its page from the left."""

    left: float
    bottom: float
    right: float
    height: float
    text: str
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line in reading order and what it is: `gap` counts the empty lines above it."""

    text: str
    gap: int
    page: int
    is_number: bool = False
    is_head: bool = False
    is_big: bool = False


def order_lines(boxes: Sequence[Box]) -> list[TextLine]:
    """Lines of a page in reading order: column after column between lines that cross them."""
    rows = _rows(boxes)
    gutter = _gutter(rows)
    if gutter is None:
        return [_line(row, 0) for row in rows]
    lines: list[TextLine] = []
    columns: tuple[list[TextLine], list[TextLine]] = ([], [])
    for row in rows:
        sides = [[b for b in row if b.right <= gutter], [b for b in row if b.left >= gutter]]
        if len(sides[0]) + len(sides[1]) < len(row):  # runs across
            lines += [*columns[0], *columns[1], _line(row, 0)]
            columns = ([], [])
            continue
        for number, side in enumerate(sides):
            if side:
                columns[number].append(_line(side, number))
    return [*lines, *columns[0], *columns[1]]


def place_lines(pages: Sequence[Sequence[TextLine]]) -> Iterator[PlacedLine]:
    """Lines of all pages with the empty lines between their paragraphs."""
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


def _rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Boxes that stand on one line of the page, from the top down, each row from the left."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda b: (-(b.top + b.bottom), b.left)):
        if rows:
            other = rows[-1][0]
            distance = abs((box.top + box.bottom) - (other.top + other.bottom)) / 2
            if distance <= _SAME_LINE * max(box.height, other.height):
                rows[-1].append(box)
                continue
        rows.append([box])
    return [sorted(row, key=lambda b: b.left) for row in rows]


def _gutter(rows: Sequence[Sequence[Box]]) -> float | None:
    """Find the middle of the empty strip between two columns, if there are two."""
    if len(rows) < _LEAST_LINES:
        return None
    left = min(row[0].left for row in rows)
    width = max(max(box.right for box in row) for row in rows) - left
    if width <= 0:
        return None
    crossings = _crossings(rows, left, width / _STEPS)
    first, last = int(_STEPS * _MARGIN), int(_STEPS * (1 - _MARGIN))
    fewest = min(crossings[first:last])
    if fewest > len(rows) * _CROSSING_SHARE + 1:
        return None
    start, end = _longest_run(crossings, fewest, first, last)
    x = left + (start + end) / 2 * width / _STEPS
    return x if _is_gutter(rows, x) else None


def _crossings(rows: Sequence[Sequence[Box]], left: float, step: float) -> list[int]:
    """Count for each upright strip of a page the rows that have a word in it."""
    counts = [0] * (_STEPS + 1)
    for row in rows:
        covered: set[int] = set()
        for box in row:
            first = max(int((box.left - left) / step), 0)
            covered.update(range(first, min(int((box.right - left) / step), _STEPS) + 1))
        for strip in covered:
            counts[strip] += 1
    return counts


def _longest_run(counts: Sequence[int], value: int, first: int, last: int) -> tuple[int, int]:
    best = (first, first)
    start = first
    for index in range(first, last + 1):
        if index < last and counts[index] <= value:
            continue
        if index - start > best[1] - best[0]:
            best = (start, index)
        start = index + 1
    return best


def _is_gutter(rows: Sequence[Sequence[Box]], x: float) -> bool:
    """Tell the space between two columns from that between two words."""
    gaps = []
    sides = [0, 0]
    for row in rows:
        before = [box.right for box in row if box.right <= x]
        after = [box.left for box in row if box.left >= x]
        sides[0] += bool(before)
        sides[1] += bool(after)
        if before and after:
            gaps.append(min(after) - max(before))
    height = median(box.height for row in rows for box in row)
    return min(sides) >= _LEAST_LINES and bool(gaps) and median(gaps) >= _COLUMN_GAP * height


def _line(row: Sequence[Box], column: int) -> TextLine:
    return TextLine(
        left=row[0].left,
        bottom=min(box.bottom for box in row),
        right=row[-1].right,
        height=max(box.height for box in row),
        text=" ".join(box.text for box in row),
        column=column,
    )


def _running_heads(pages: Sequence[Sequence[TextLine]]) -> set[tuple[str, bool]]:
    """Texts that stand at the top (True) or bottom of several pages, whatever their number is."""
    counts: Counter[tuple[str, bool]] = Counter()
    for lines in pages:
        top = {(_key(line.text), True) for line in lines[:_HEAD_LINES]}
        bottom = {(_key(line.text), False) for line in lines[-_HEAD_LINES:]}
        counts.update(top | bottom)
    heads = {key for key, count in counts.items() if count >= _HEAD_PAGES and key[0]}
    for lines in pages:
        numbers, repeated = _edges(lines, heads)
        if len(numbers | repeated) < len(lines):
            return heads
    return set()  # pages of nothing else are what the text is


def _edges(lines: Sequence[TextLine], heads: set[tuple[str, bool]]) -> tuple[set[int], set[int]]:
    """Tell which lines of a page are its number, and which are its running heads."""
    numbers: set[int] = set()
    repeated: set[int] = set()
    for is_top in (True, False):
        order = range(len(lines)) if is_top else range(len(lines) - 1, -1, -1)
        counted = others = 0  # but for numbers; of them, those that repeat nowhere
        for depth, index in enumerate(order[:_HEAD_LINES]):
            text = lines[index].text
            if depth < _EDGE_LINES and _NUMBER.fullmatch(text):
                numbers.add(index)
                continue
            if counted >= _EDGE_LINES and others:
                break
            counted += 1
            if (_key(text), is_top) in heads:
                repeated.add(index)
            else:
                others += 1
    return numbers, repeated


def _key(text: str) -> str:
    return _DIGITS.sub("#", " ".join(text.lower().split()))


def _leading(lines: Sequence[TextLine]) -> float:
    """Usual distance of two lines of a page."""
    steps = [
        before.bottom - line.bottom
        for before, line in pairwise(lines)
        if before.column == line.column and before.bottom > line.bottom
    ]
    return median(steps) if steps else 0.0


def _columns(lines: Sequence[TextLine]) -> dict[int, tuple[float, float]]:
    """Left and right edge of each column."""
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
    """Tell how many empty lines stand between two lines: 0 in a paragraph, 3 around headings."""
    is_big, was_big = (each.height > body * _HEADING_HEIGHT for each in (line, before))
    if is_big != was_big:
        return 3 if is_big else 1
    if is_big:
        return 0 if before.bottom - line.bottom < 2 * line.height else 3
    left, right = edges[line.column]
    is_indented = line.left - left > _INDENT * line.height
    if is_turned or before.column != line.column:
        goes_on = not _ENDS.search(before.text) or line.text[:1].islower()
        return 0 if goes_on and not is_indented else 1
    if leading and before.bottom - line.bottom > _LEADING * leading:
        return 2 if before.bottom - line.bottom > 2 * _LEADING * leading else 1
    was_indented = before.left - left > _INDENT * line.height
    if is_indented and not was_indented:
        return 1
    is_short = before.right - left < (right - left) * _SHORT_LINE
    return 1 if is_short and _ENDS.search(before.text) is not None else 0
