"""What a book declares about its pages: which are imprints, contents, indexes or notes.

A landmark marks a whole page, or a place where such matter begins. It is ignored if the text there
is mostly prose: in books of one page all landmarks point to that page.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from narration.documents.matter import is_running_text, landmark_reason, titled_reason
from narration.documents.navigation import Navigation
from narration.documents.paragraphs import Page, PageBlock
from narration.documents.types import SkipReason

_MOST_LANDMARKS = 100  # a book has about five that mark matter to be skipped
_PROSELESS = frozenset({SkipReason.CONTENTS, SkipReason.INDEX, SkipReason.COPYRIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPage:
    """A page of the book, its name in the archive, and where its text is in the source."""

    name: str
    page: Page
    start: int

    @property
    def end(self) -> int:
        """Offset after the last character of the page."""
        return self.start + len(self.page.text)

    def blocks_between(self, start: int, end: int) -> Sequence[PageBlock]:
        """Return the blocks that begin in a range of the source."""
        blocks = self.page.blocks
        first, last = (bisect_left(blocks, at, key=lambda b: b.start) for at in (start, end))
        return blocks[first:last]


class DeclaredMatter:
    """Ranges of the source that are not read because of what the book declares them to be."""

    def __init__(self, pages: Sequence[NamedPage], navigation: Navigation) -> None:
        by_name = {each.name: each for each in pages}
        ranges: dict[int, tuple[int, SkipReason]] = {}
        for start, end, reason in _ranges(by_name, navigation):
            ranges.setdefault(start, (end, reason))
        self._starts = sorted(ranges)
        self._ranges = [ranges[start] for start in self._starts]

    def reason_at(self, offset: int) -> SkipReason | None:
        """Return the declared reason not to read the text at an offset; None if there is none."""
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
    targets = [(name, fragment) for _, name, fragment in navigation.landmarks]
    targets += [(entry.name, entry.fragment) for entry in navigation.entries]
    landmark_places = {_place(pages[name], fragment) for name, fragment in targets if name in pages}
    ends = {page.end for page in pages.values()}
    places = sorted(landmark_places | ends)
    chapter_places = sorted(_chapter_places(pages, navigation) | ends)
    skipped = (
        (page, fragment, reason)
        for kind, name, fragment in navigation.landmarks
        if (reason := landmark_reason(kind)) is not None
        and (page := pages.get(name)) is not None
        and (not fragment or fragment in page.page.anchors)
    )
    for page, fragment, reason in islice(skipped, _MOST_LANDMARKS):
        start = _place(page, fragment)
        if fragment:
            end = min(_next(places, start), _extent_end(page, fragment))
        else:
            end = min(_next(chapter_places, start), page.end)
        is_prose = reason in _PROSELESS and is_running_text(page.blocks_between(start, end))
        if start < end and not is_prose:
            yield start, end, reason


def _chapter_places(pages: Mapping[str, NamedPage], navigation: Navigation) -> set[int]:
    """Return the places within pages where the contents point to something that is read."""
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
    """Return where the element with an identifier ends; for a heading, where its text ends."""
    start, end = page.page.extents.get(fragment, (_place(page, fragment),) * 2)
    below = page.blocks_between(start, page.end)
    if len(below) > 1 and below[1].start < end:
        return end
    level = below[0].level if below else None
    headings = (each.level is not None and each.level <= (level or 6) for each in below[1:])
    return next(
        (block.start for block, ends in zip(below[1:], headings, strict=True) if ends), page.end
    )
