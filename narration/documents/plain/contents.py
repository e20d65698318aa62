"""The table of contents of a plain text: where it is, and which headings it lists.

In a table of contents the entries appear again as headings. If they do not, page numbers or its
place at the front of the book must distinguish it from "Contents of the bag:".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from narration.documents.plain.entries import Entry, is_list, read_entries
from narration.documents.plain.headings import read_heading
from narration.documents.plain.indexes import find_indexes
from narration.documents.plain.lines import Group, bare
from narration.documents.plain.list_end import body_start, repeats
from narration.documents.plain.listed import Titles
from narration.documents.plain.title_keys import PAGE
from narration.documents.plain.titles import is_sentence

_TITLE = re.compile(
    r"(?:the |table of |list of |general )?(?:contents|illustrations|plates|maps|figures|tables|"
    r"chapters)(?P<of> of .{1,40})?(?: \(continued\))?",
    re.IGNORECASE,
)
_SURE = re.compile(r"(?:the |table of )?contents|list of .*", re.IGNORECASE)
_WIDE_GAP = 3
_FRONT_SHARE = 6  # the table is in the first sixth of a text, or in its first groups
_FRONT_GROUPS = 150
_LEAST_ENTRIES = 2
_LEAST_TITLES = 3  # in a table without a heading and without numbers
_MOST_GROUPS = 1_500  # in one table; the Decameron's has 121
_MOST_TIMES = 2  # occurrences of a title below its table
_LEAST_WORDS = 3  # in a sentence that introduces a list; "Written by:" has fewer
_SHORT = 60  # characters; a longer sentence belongs to the text, so the front matter is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """groups[first:end] are a table; without entries if it is a list of illustrations."""

    first: int
    end: int
    entries: tuple[Entry, ...]
    is_index: bool = False


def find_contents(groups: Sequence[Group]) -> list[Contents]:
    """Return tables at the front, with or without a heading, and indexes at the back."""
    return _Finder(groups).find()


class _Finder:
    """Knows where the titles of a text are and where its front matter ends."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._limit = max(len(groups) // _FRONT_SHARE, min(_FRONT_GROUPS, len(groups)))
        self._titles = Titles(groups)
        self._run_end = 0  # end of the lines that may be a table, as far as known
        self._front = next((i for i, group in enumerate(groups) if _is_text(group)), len(groups))

    def find(self) -> list[Contents]:
        """Return all tables, in order."""
        tables: list[Contents] = []
        index = 0
        while index < self._limit:
            extent: Contents | None
            if _is_title(self._groups[index]):
                is_next = bool(tables) and tables[-1].end == index
                extent, end = self._named(index, is_next=is_next), index + 1
            else:
                extent, end = self._unnamed(index)
            if extent is not None:
                tables.append(extent)
            index = end if extent is None else extent.end
        last = tables[-1].end if tables else 0
        indexes = find_indexes(self._groups, last)
        return [*tables, *(Contents(first=a, end=b, entries=(), is_index=True) for a, b in indexes)]

    def _named(self, start: int, *, is_next: bool) -> Contents | None:
        """Follow a table from its heading to the text; without text after it, it is not a table."""
        groups = self._groups
        name = bare(groups[start].first).lower()
        is_contents = "content" in name or "chapter" in name
        end = start + 1
        continues = is_list if is_contents else _is_caption
        limit = min(len(groups), start + _MOST_GROUPS)
        while end < limit and not _is_title(groups[end]) and continues(groups[end]):
            end += 1
        if end == limit:
            return None
        body = end
        if is_contents and not _is_title(groups[end]):
            body = body_start(groups, start, end, list(read_entries(groups[start:end])))
        entries = tuple(read_entries(groups[start:body]))
        if len(entries) < _LEAST_ENTRIES:
            return None
        if not self._is_proven(start, body, entries, is_next=is_next):
            return None
        return Contents(first=start, end=body, entries=entries if is_contents else ())

    def _is_proven(self, start: int, body: int, entries: Sequence[Entry], *, is_next: bool) -> bool:
        """Distinguish a list of what is in the book from one of what is in a bag."""
        groups = self._groups
        lines = [line.text for group in groups[start:body] for line in group.lines][1:]
        paged = sum(PAGE.search(text) is not None for text in lines)
        with_words = sum(bool(entry.heading and entry.heading.word) for entry in entries)
        if paged * 2 >= len(lines) or with_words * 2 >= len(entries):
            return True
        if self._titles.find(entries, body):
            return True
        name = _TITLE.fullmatch(bare(groups[start].first).rstrip(" .:"))
        is_of_something = name is None or name["of"] is not None
        is_at_front = start < self._front and _SURE.fullmatch(name[0] if name else "") is not None
        return not is_of_something and (is_next or is_at_front)

    def _unnamed(self, start: int) -> tuple[Contents | None, int]:
        """Recognize a table without a heading: three titles or more that all appear again.

        Also returns where to continue searching.
        """
        groups = self._groups
        end = self._end_of_run(start)
        if end <= start + 1 or end == len(groups):
            return None, start + 1
        if start and _introduces(groups[start - 1]):
            return None, end
        first = next(read_entries(groups[start : start + 1], has_title=False), None)
        if first is None or not self._titles.stands_below(first, start + 1):
            return None, start + 1
        body = next((i for i in range(start + 1, end) if repeats(groups, start, i, first)), None)
        if body is None:
            return None, start + 1
        entries = tuple(read_entries(groups[start:body], has_title=False))
        if not self._reappear(entries, body):
            return None, start + 1
        return Contents(first=start, end=body, entries=entries), body

    def _reappear(self, entries: Sequence[Entry], body: int) -> bool:
        """Distinguish titles that appear again, with text below them, from lines of verse."""
        headed = sum(entry.heading is not None for entry in entries)
        first = entries[0].heading
        is_numbered = first is not None and first.number is not None
        if is_numbered and headed >= _LEAST_ENTRIES and headed * 2 >= len(entries):
            return True
        occurrences = self._titles.find(entries, body)
        if len(occurrences) < _LEAST_TITLES or len(occurrences) * 4 < len(entries) * 3:
            return False
        often = sum(self._titles.count(entry, body) > _MOST_TIMES for entry in occurrences.values())
        if often * 2 >= len(occurrences):  # speakers in a play
            return False
        places = sorted(occurrences)
        filled = [any(map(_is_text, self._groups[a + 1 : b])) for a, b in pairwise(places)]
        return filled[0] and sum(filled) * 2 >= len(filled)  # a half title has no text

    def _end_of_run(self, start: int) -> int:
        """Return the end of a series of groups that look like entries.

        Groups above "Contents" are the title page.
        """
        if start >= self._run_end:
            end, limit = start, min(len(self._groups), start + _MOST_GROUPS)
            while end < limit and is_list(self._groups[end]) and not _is_sure(self._groups[end]):
                end += 1
            self._run_end = end
        return self._run_end


def _is_title(group: Group) -> bool:
    return _TITLE.fullmatch(bare(group.first).rstrip(" .:")) is not None


def _is_sure(group: Group) -> bool:
    return _SURE.fullmatch(bare(group.first).rstrip(" .:")) is not None


def _is_text(group: Group) -> bool:
    return len(group.text) > _SHORT and is_sentence(group)


def _introduces(group: Group) -> bool:
    """Return whether a group introduces the author's own list: "There were three of them:"."""
    return group.text.endswith(":") and len(group.text.split()) > _LEAST_WORDS


def _is_caption(group: Group) -> bool:
    """Return whether a group is a caption in a list of illustrations, not text below the list."""
    return group.gap < _WIDE_GAP and (group.gap < 2 or read_heading(group.first) is None)
