"""Plain text -> lines, and groups of consecutive lines without an empty line between them."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from narration.documents.plain.page_numbers import continues
from narration.documents.types import Skip, SkipReason

_NEWLINE = re.compile(r"\r\n|[\r\n\v\x85\u2028\u2029]|(?P<page>\f)")
_LINE = re.compile(r"[^\r\n\v\f\x85\u2028\u2029]+")
_PAGE_GAP = 3  # a page break counts as three empty lines
_SHORTEST_MEASURE = 60  # a text of short lines does not show how wide its page was
LONGEST_WRAP = 110  # characters; a longer line was not wrapped by hand, and is a paragraph
_PASSING = frozenset({SkipReason.PAGE_NUMBER, SkipReason.RUNNING_HEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """source[start:end] without surrounding white space; `text` leaves out what is skipped."""

    start: int
    end: int
    text: str
    indent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Consecutive lines; `gap` counts the empty lines above them."""

    lines: tuple[Line, ...]
    text: str
    gap: int

    @property
    def start(self) -> int:
        """Where the first line begins in the source."""
        return self.lines[0].start

    @property
    def end(self) -> int:
        """Where the last line ends in the source."""
        return self.lines[-1].end

    @property
    def first(self) -> str:
        """Text of the first line."""
        return self.lines[0].text


def read_groups(source: str, skips: Sequence[Skip]) -> list[Group]:
    """Split a source at its empty lines.

    A line that is skipped completely counts as empty, unless it only interrupts the text, as a page
    number with its running head does.
    """
    passing = [skip.start for skip in skips if skip.reason in _PASSING]
    groups: list[Group] = []
    lines: list[Line] = []
    upper_gap = end = 0
    for line in _lines(source, skips):
        gap = _empty_lines(source, end, line.start) if lines else 0
        if gap and passing:
            passed = bisect_left(passing, line.start) - bisect_left(passing, end)
            is_cut = passed > 0 and continues(lines[-1].text, line.text)
            gap = 0 if is_cut else gap - min(gap, passed)
        if gap:
            groups.append(_group(lines, upper_gap))
            lines, upper_gap = [], gap
        lines.append(line)
        end = line.end
    if lines:
        groups.append(_group(lines, upper_gap))
    return groups


def bare(text: str) -> str:
    """Remove the marks of italics, bold and centring from a line: `_The Hill_` -> The Hill."""
    return " ".join(text.strip(" _=*~|+-–—").split()).replace("_", "")


def measure_width(groups: Sequence[Group]) -> int:
    """Return how wide the author's page was, judging by the lines that were wrapped to fit it."""
    lengths = Counter(
        line.indent + len(line.text)
        for group in groups
        if len(group.lines) > 2
        for line in group.lines[:-1]
    )
    total = sum(lengths.values())
    seen = 0
    for length in sorted(lengths, reverse=True):
        seen += lengths[length]
        if seen * 20 >= total:  # the longest twentieth may be tables and addresses
            return max(min(length, LONGEST_WRAP), _SHORTEST_MEASURE)
    return _SHORTEST_MEASURE


def is_wrapped(group: Group) -> bool:
    """Return whether lines end where the page did; a line longer than any page is a paragraph."""
    return max(len(line.text) for line in group.lines) <= LONGEST_WRAP


def is_broken_on_purpose(group: Group, width: int) -> bool:
    """Return whether lines are verse or an address: most end although another word would fit."""
    lines = group.lines
    if len(lines) < 2 or not is_wrapped(group):
        return False
    early = sum(
        not line.text.endswith(("-", "‐", "\u00ad"))
        and line.indent + len(line.text) + 1 + len(following.text.split(None, 1)[0]) < width - 2
        for line, following in pairwise(lines)
    )
    capitals = sum(_opens_with_capital(line.text) for line in lines)
    return early * 5 >= (len(lines) - 1) * 4 and capitals * 10 >= len(lines) * 7


def _opens_with_capital(text: str) -> bool:
    opening = text.lstrip("\"'“‘«([_—–-")[:1]
    return not opening.islower()


def _group(lines: list[Line], gap: int) -> Group:
    return Group(lines=tuple(lines), text=" ".join(line.text for line in lines), gap=gap)


def _lines(source: str, skips: Sequence[Skip]) -> Iterator[Line]:
    position = 0  # index into skips
    for match in _LINE.finditer(source):
        raw = match[0]
        text = raw.strip()
        if not text:
            continue
        start = match.start() + len(raw) - len(raw.lstrip())
        end = start + len(text)
        while position < len(skips) and skips[position].end <= start:
            position += 1
        if position < len(skips) and skips[position].start < end:
            yield from _cut_line(source, start, end, skips, position, indent=start - match.start())
        else:
            yield Line(start=start, end=end, text=text, indent=start - match.start())


def _cut_line(
    source: str, start: int, end: int, skips: Sequence[Skip], position: int, *, indent: int
) -> Iterator[Line]:
    """Yield a line without what is skipped; nothing if that is all of it."""
    parts: list[tuple[int, int]] = []
    at = start
    while position < len(skips) and skips[position].start < end:
        parts.append((at, max(at, skips[position].start)))
        at = max(at, skips[position].end)
        position += 1
    parts.append((at, max(at, end)))
    kept = [(a, b) for a, b in parts if source[a:b].strip()]
    if kept:
        text = " ".join("".join(source[a:b] for a, b in kept).split())
        first, last = source[kept[0][0] : kept[0][1]], source[kept[-1][0] : kept[-1][1]]
        yield Line(
            start=kept[0][0] + len(first) - len(first.lstrip()),
            end=kept[-1][1] - len(last) + len(last.rstrip()),
            text=text,
            indent=indent,
        )


def _empty_lines(source: str, start: int, end: int) -> int:
    count = -1
    for newline in _NEWLINE.finditer(source, start, end):
        count += _PAGE_GAP if newline["page"] else 1
    return max(count, 0)
