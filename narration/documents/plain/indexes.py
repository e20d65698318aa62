"""Indexes at the back of a plain text: words with the page numbers where they occur."""

import re
from collections.abc import Iterator, Sequence

from narration.documents.plain.lines import Group, bare
from narration.documents.plain.titles import is_sentence

_INDEX = re.compile(
    r"(?:general |subject |an |alphabetical )?index(?: (?:of|to) .{1,60})?", re.IGNORECASE
)
_INDEXED = re.compile(r",? \d{1,4}(?:[-–]\d+)?[.,;]?$")
_WIDE_GAP = 3
_SHORTEST_TEXT = 80


def find_indexes(groups: Sequence[Group], start: int) -> Iterator[tuple[int, int]]:
    """Return indexes in the second half of a text, each with its groups from title to end.

    A title without entries with page numbers is the author's own.
    """
    index = max(start, len(groups) // 2)
    while index < len(groups):
        end = index + 1
        if groups[index].gap and _is_title(groups[index]):
            while end < len(groups) and _is_part(groups[end]):
                end += 1
            while end > index + 1 and not _has_pages(groups[end - 1]):
                end -= 1
            lines = [line for group in groups[index + 1 : end] for line in group.lines]
            numbered = sum(_INDEXED.search(line.text) is not None for line in lines)
            if lines and numbered * 3 >= len(lines):
                yield index, end
        index = end


def _is_title(group: Group) -> bool:
    return _INDEX.fullmatch(bare(group.text).rstrip(" .:")) is not None


def _is_part(group: Group) -> bool:
    """Return whether a group is entries, or a letter above them, and not a new heading or text."""
    if _has_pages(group):
        return True
    is_near = group.gap < _WIDE_GAP and not _is_title(group)
    return len(bare(group.text)) <= 2 or (is_near and not _is_text(group))


def _has_pages(group: Group) -> bool:
    numbered = sum(_INDEXED.search(line.text) is not None for line in group.lines)
    return numbered * 3 >= len(group.lines)


def _is_text(group: Group) -> bool:
    """Distinguish a paragraph from an entry that only refers to another, "Fox, see Beasts."."""
    return is_sentence(group) and len(group.text) > _SHORTEST_TEXT
