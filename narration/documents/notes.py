"""Find the notes that references link to, since they are not read with the text."""

import posixpath
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from narration.documents.archive import fragment_of, resolve
from narration.documents.paragraphs import Page, PageBlock
from narration.documents.types import BlockKind

_LABEL_CHARS = 12  # a note's identifier is at its label; one after more text is a back-reference
_MOST_BLOCKS = 12  # of one note


def note_blocks(pages: Sequence[tuple[str, Page]]) -> set[int]:
    """Return the offsets of blocks that belong to notes; pages come with their file names."""
    # By page and identifier: where a reference is, or -1 if it is on another page.
    targets: dict[str, dict[str, int]] = {}
    for name, page in pages:
        folder = posixpath.dirname(name)
        for href, place in page.marks:
            target = name if href.startswith("#") else resolve(folder, href)
            targets.setdefault(target, {}).setdefault(
                fragment_of(href), place if target == name else -1
            )
    return {block.start for name, page in pages for block in _notes_of(page, targets.get(name, {}))}


def _notes_of(page: Page, fragments: dict[str, int]) -> Iterator[PageBlock]:
    starts = [block.start for block in page.blocks]
    for fragment, mark in fragments.items():
        place = page.anchors.get(fragment)
        if place is None:
            continue
        index = bisect_right(starts, place) - 1
        if index < 0 or page.blocks[index].end <= place:
            index += 1
        if index >= len(starts) or place - starts[index] > _LABEL_CHARS:
            continue
        end = page.extents.get(fragment, (place, place + 1))[1]
        note = [block for block in page.blocks[index : index + _MOST_BLOCKS] if block.start < end]
        note = note or [page.blocks[index]]
        is_around_mark = index <= bisect_right(starts, mark) - 1 < index + len(note)
        if not is_around_mark and all(block.kind is not BlockKind.HEADING for block in note):
            yield from note
