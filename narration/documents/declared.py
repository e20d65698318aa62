"""What a book says of its pages: which are imprints, contents, indexes or notes.

A landmark names a whole page, or a place from which that matter begins. It is not believed where
that is mostly running text: books of one page have all of their landmarks there.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from narration.documents.matter import is_running_text, landmark_reason, titled_reason
from narration.documents.navigation import Navigation
from narration.documents.paragraphs import Page, PageBlock
from narration.documents.types import SkipReason

_MOST_LANDMARKS = 100  # a book has some five that name what is not read
_PROSELESS = frozenset({SkipReason.CONTENTS, SkipReason.INDEX, SkipReason.COPYRIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPage:
    """A page of the book, its name in the archive, and where its text stands in the source."""

    name: str
    page: Page
    start: int

    @property
    def end(self) -> int:
        """Where the text of the page ends."""
        return self.start + len(self.page.text)

    def blocks_between(self, start: int, end: int) -> Sequence[PageBlock]:
        """Blocks that begin in a range of the source."""
        blocks = self.page.blocks
        first, last = (bisect_left(blocks, at, key=lambda b: b.start) for at in (start, end))
        return blocks[first:last]


class DeclaredMatter:
    """Ranges of the source that are not read because the book says what they are."""

    def __init__(self, pages: Sequence[NamedPage], navigation: Navigation) -> None:
        by_name = {each.name: each for each in pages}
        ranges: dict[int, tuple[int, SkipReason]] = {}
        for start, end, reason in _ranges(by_name, navigation):
            ranges.setdefault(start, (end, reason))
        self._starts = sorted(ranges)
        self._ranges = [ranges[start] for start in self._starts]

    def reason_at(self, offset: int) -> SkipReason | None:
        """Why what stands at an offset is not read, if the book says so."""
        at = bisect_right(self._starts, offset) - 1
        if at < 0 or offset >= self._ranges[at][0]:
            return None
        return self._ranges[at][1]


def _ranges(
    pages: Mapping[str, NamedPage], navigation: Navigation
) -> Iterator[tuple[int, int, SkipReason]]:
    own = pages.get(navigation.page or "")
    if own is not None:
        yield own.start, own.end, SkipReason.CONTENTS
    named = [(name, fragment) for _, name, fragment in navigation.landmarks]
    named += [(entry.name, entry.fragment) for entry in navigation.entries]
    found = {_place(pages[name], fragment) for name, fragment in named if name in pages}
    ends = {page.end for page in pages.values()}
    places = sorted(found | ends)
    titled = sorted(_chapter_places(pages, navigation) | ends)
    telling = (
        (page, fragment, reason)
        for kind, name, fragment in navigation.landmarks
        if (reason := landmark_reason(kind)) is not None
        and (page := pages.get(name)) is not None
        and (not fragment or fragment in page.page.anchors)
    )
    for page, fragment, reason in islice(telling, _MOST_LANDMARKS):
        start = _place(page, fragment)
        if fragment:
            end = min(_next(places, start), _extent_end(page, fragment))
        else:
            end = min(_next(titled, start), page.end)
        is_prose = reason in _PROSELESS and is_running_text(page.blocks_between(start, end))
        if start < end and not is_prose:
            yield start, end, reason


def _chapter_places(pages: Mapping[str, NamedPage], navigation: Navigation) -> set[int]:
    """Places within pages at which the contents name something that is read."""
    return {
        pages[entry.name].page.anchors[entry.fragment]
        for entry in navigation.entries
        if entry.name in pages
        and entry.fragment in pages[entry.name].page.anchors
        and titled_reason(entry.title) is None
    }


def _next(places: Sequence[int], start: int) -> int:
    at = bisect_right(places, start)
    return places[at] if at < len(places) else start


def _place(page: NamedPage, fragment: str) -> int:
    return page.page.anchors.get(fragment, page.start)


def _extent_end(page: NamedPage, fragment: str) -> int:
    """Where the element with an identifier ends; a heading stands for the text below it."""
    start, end = page.page.extents.get(fragment, (_place(page, fragment),) * 2)
    below = page.blocks_between(start, page.end)
    if len(below) > 1 and below[1].start < end:
        return end
    level = below[0].level if below else None
    headings = (each.level is not None and each.level <= (level or 6) for each in below[1:])
    return next(
        (block.start for block, ends in zip(below[1:], headings, strict=True) if ends), page.end
    )
