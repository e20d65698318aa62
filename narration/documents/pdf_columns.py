"""Words on a page of a PDF -> its lines in reading order, column after column.

Pure geometry: a page is a list of boxes in points, with the origin at the lower left corner.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from statistics import median

_SAME_LINE = 0.5  # of a line's height by which the boxes of one line may differ
_COLUMN_GAP = 1.2  # of the height: a wider gap may separate two columns
_CROSSING_SHARE = 0.1  # of the lines that may cross a gutter, as titles do
_MOST_HALVINGS = 2  # of a page into columns: at most four columns
_APART = 1.8  # times the usual line distance, from which on the outermost row is separate
_STEPS = 200  # strips that a page's width is divided into
_MARGIN = 0.3  # of the width, where no gutter is searched
_LEAST_LINES = 6  # in each column; with fewer it is a table or a signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A word and its place."""

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


def order_lines(boxes: Sequence[Box]) -> list[TextLine]:
    """Return the lines of a page in reading order: columns between lines that cross them."""
    rows = _rows(boxes)
    gutters = sorted(_gutters(rows, _MOST_HALVINGS))
    if not gutters:
        return [_line(row, 0) for row in rows]
    lines: list[TextLine] = []
    columns: list[list[TextLine]] = [[] for _ in range(len(gutters) + 1)]
    for row, is_apart in zip(rows, _standing_apart(rows), strict=True):
        cells = _cells(row, gutters)
        if is_apart or cells is None:  # crosses the columns
            lines += [*chain.from_iterable(columns), _line(row, 0)]
            columns = [[] for _ in columns]
            continue
        for number, cell in enumerate(cells):
            if cell:
                columns[number].append(_line(cell, number))
    return [*lines, *chain.from_iterable(columns)]


def _rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Return the boxes of each row, from the top down, each row from the left."""
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


def _gutters(rows: Sequence[Sequence[Box]], halvings: int) -> Iterator[float]:
    """Return the empty strips between columns: of the page, then of each of its sides."""
    gutter = _gutter(rows) if halvings else None
    if gutter is None:
        return
    yield gutter
    for side in (
        [[box for box in row if box.right <= gutter] for row in rows],
        [[box for box in row if box.left >= gutter] for row in rows],
    ):
        yield from _gutters([row for row in side if row], halvings - 1)


def _cells(row: Sequence[Box], gutters: Sequence[float]) -> list[list[Box]] | None:
    """Divide a row among the columns; None if a word of it is in a gutter."""
    cells: list[list[Box]] = [[] for _ in range(len(gutters) + 1)]
    for box in row:
        number = bisect_right(gutters, box.left)
        if number < len(gutters) and box.right > gutters[number]:
            return None
        cells[number].append(box)
    return cells


def _standing_apart(rows: Sequence[Sequence[Box]]) -> list[bool]:
    """Return which rows are a head or foot: the first or last one, far from the text."""
    bottoms = [min(box.bottom for box in row) for row in rows]
    steps = [above - below for above, below in pairwise(bottoms)]
    flags = [False] * len(rows)
    if len(steps) >= _LEAST_LINES:
        far = _APART * median(steps)
        flags[0], flags[-1] = steps[0] > far, steps[-1] > far
    return flags


def _gutter(rows: Sequence[Sequence[Box]]) -> float | None:
    """Return the middle of the empty strip between two columns; None if there is no such strip."""
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
    """Count for each vertical strip of a page the rows with a word in it."""
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
    """Distinguish the space between two columns from that between two words."""
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
