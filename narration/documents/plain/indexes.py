"""Indexes at the back of a plain text: words with the pages on which they stand."""

import re
from collections.abc import Iterator, Sequence

from narration.documents.plain.lines import Group, bare

_INDEX = re.compile(
    r"(?:general |subject |an |alphabetical )?index(?: (?:of|to) .{1,60})?", re.IGNORECASE
)
_INDEXED = re.compile(r",? \d{1,4}(?:[-–]\d+)?[.,;]?$")
_WIDE_GAP = 3


def find_indexes(groups: Sequence[Group], start: int) -> Iterator[tuple[int, int]]:
    """Find indexes in the second half of a text, each as the groups from its title to its end.

    A title without words that have page numbers below it is somebody's own.
    """
    index = max(start, len(groups) // 2)
    while index < len(groups):
        end = index + 1
        if groups[index].gap > 1 and _is_title(groups[index]):
            while end < len(groups) and _is_part(groups[end]):
                end += 1
            lines = [line for group in groups[index + 1 : end] for line in group.lines]
            numbered = sum(_INDEXED.search(line.text) is not None for line in lines)
            if lines and numbered * 3 >= len(lines):
                yield index, end
        index = end


def _is_title(group: Group) -> bool:
    return _INDEX.fullmatch(bare(group.text).rstrip(" .:")) is not None


def _is_part(group: Group) -> bool:
    """Tell words with page numbers, and the letters above them, from a new heading."""
    if group.gap < _WIDE_GAP and not _is_title(group):
        return True
    numbered = sum(_INDEXED.search(line.text) is not None for line in group.lines)
    return numbered * 3 >= len(group.lines) or len(bare(group.text)) <= 2
