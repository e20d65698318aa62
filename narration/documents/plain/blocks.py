"""A group of lines -> blocks: a heading, paragraphs, list items, lines of verse."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from narration.documents.plain.headings import read_heading
from narration.documents.plain.hyphens import Divisions
from narration.documents.plain.lines import Group, Line, is_broken_on_purpose, is_wrapped
from narration.documents.types import Block, BlockKind, Run, Skip

_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_LIST_ITEM = re.compile(r"(?:[-*•–]|\d{1,3}[.)])\s+\S")
_HALF = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,}+)[-‐\u00ad]$")
_OTHER_HALF = re.compile(r"[^\W\d_]{2,}")
_SOFT_HYPHEN = "\u00ad"


class BlockBuilder:
    """Builds the blocks of one source; knows what is skipped in it, and its line width."""

    def __init__(self, source: str, skips: Sequence[Skip], width: int) -> None:
        self._source = source
        self._skips = skips
        self._starts = [skip.start for skip in skips]
        self._width = width
        self._divisions = Divisions(source)

    def heading(self, group: Group) -> Iterator[Block]:
        """Build a heading; the title below a bare number becomes a separate block."""
        parsed = read_heading(group.first)
        if len(group.lines) > 1 and parsed is not None and not parsed.title:
            yield self._block(BlockKind.HEADING, group.lines[:1])
            yield self._block(BlockKind.HEADING, group.lines[1:])
        else:
            yield self._block(BlockKind.HEADING, group.lines)

    def text(self, group: Group) -> Iterator[Block]:
        """Return paragraphs, items and lines of verse, in order."""
        is_list = any(_LIST_ITEM.match(line.text) for line in group.lines)
        if not is_list and is_broken_on_purpose(group, self._width):
            for line in group.lines[:-1]:
                yield self._block(BlockKind.LINE, (line,))
            yield self._block(BlockKind.PARAGRAPH, group.lines[-1:])
            return
        for part in _parts(group):
            yield self._block(BlockKind.PARAGRAPH, part)

    def _block(self, kind: BlockKind, lines: Sequence[Line]) -> Block:
        return Block(kind=kind, runs=tuple(self._runs(lines)))

    def _runs(self, lines: Sequence[Line]) -> Iterator[Run]:
        """Yield the runs of lines; a word that continues in the next line is not broken."""
        start = lines[0].start
        for line, following in pairwise(lines):
            half = _HALF.search(line.text)
            other = _OTHER_HALF.match(following.text) if half else None
            if (
                half is None
                or other is None
                or self._source[line.end - 1] not in f"-‐{_SOFT_HYPHEN}"
            ):
                continue
            if other[0][0].isupper() and not half[1].isupper():
                reading = "-"  # "Anglo-" / "Saxon"
            else:
                is_soft = self._source[line.end - 1] == _SOFT_HYPHEN
                whole = is_soft or self._divisions.is_one_word(half[1], other[0])
                reading = "" if whole else "-"
            yield from self._between(start, line.end - 1)
            yield from self._joined(line.end - 1, following.start, reading)
            start = following.start
        yield from self._between(start, lines[-1].end)

    def _joined(self, start: int, end: int, reading: str) -> Iterator[Run]:
        """Read a hyphen and the end of its line; a page may end there, with skipped text."""
        at = bisect_right(self._starts, start)
        if at < len(self._starts) and self._starts[at] < end:
            end = start + 1
        yield Run(start=start, end=end, reading=reading)

    def _between(self, start: int, end: int) -> Iterator[Run]:
        """Return source[start:end] without skipped text."""
        index = max(bisect_right(self._starts, start) - 1, 0)
        while index < len(self._skips) and self._skips[index].start < end:
            skip = self._skips[index]
            if skip.end > start:
                if skip.start > start and self._source[start : skip.start].strip():
                    yield Run(start=start, end=skip.start)
                start = skip.end
            index += 1
        if start < end and self._source[start:end].strip():
            yield Run(start=start, end=end)


def _parts(group: Group) -> Iterator[list[Line]]:
    """Return the paragraphs of a group: long lines are one each, items and indents begin one."""
    wrapped = is_wrapped(group)
    part: list[Line] = []
    for line in group.lines:
        if part and (not wrapped or _begins_part(part[-1], line)):
            yield part
            part = []
        part.append(line)
    yield part


def _begins_part(before: Line, line: Line) -> bool:
    if _LIST_ITEM.match(line.text):
        return True
    is_deeper = line.indent > 1 and before.indent <= 1
    return is_deeper and _ENDS.search(before.text) is not None
