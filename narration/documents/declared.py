"""What a book says of its pages: which are imprints, contents, indexes or notes.

A landmark names a whole page, or a place from which that matter begins.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from narration.documents.matter import landmark_reason
from narration.documents.navigation import Navigation
from narration.documents.paragraphs import Page
from narration.documents.types import SkipReason


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
    places = sorted(found | {page.end for page in pages.values()})
    for kind, name, fragment in navigation.landmarks:
        reason = landmark_reason(kind)
        page = pages.get(name)
        if reason is None or page is None or (fragment and fragment not in page.page.anchors):
            continue
        start = _place(page, fragment)
        if not fragment:
            yield start, page.end, reason
        elif (at := bisect_right(places, start)) < len(places):
            yield start, min(places[at], _extent_end(page, fragment)), reason


def _place(page: NamedPage, fragment: str) -> int:
    return page.page.anchors.get(fragment, page.start)


def _extent_end(page: NamedPage, fragment: str) -> int:
    """Where the element with an identifier ends; a heading stands for the text below it."""
    start, end = page.page.extents.get(fragment, (_place(page, fragment),) * 2)
    below = [block for block in page.page.blocks if block.start >= start]
    if len(below) > 1 and below[1].start < end:
        return end
    level = below[0].level if below else None
    headings = (each.level is not None and each.level <= (level or 6) for each in below[1:])
    return next(
        (block.start for block, ends in zip(below[1:], headings, strict=True) if ends), page.end
    )
