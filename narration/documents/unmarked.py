"""Headings without markup: consecutive short paragraphs that name chapters.

Many books use one style throughout, with "Chapter One" in bold or in a class of its own.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from narration.documents.paragraphs import PageBlock
from narration.documents.plain.headings import Heading, Rank, read_heading
from narration.documents.plain.numbering import find_chains
from narration.documents.types import BlockKind

_LONGEST = 120
_SHORTEST_BODY = 40  # characters; less may be an entry of the contents, or the title below a number
_LEAST = 2
_LEAST_NUMERALS = 3
_MOST_TITLES, _LONGEST_TITLE = 3, 80
_LEVEL = 2  # of chapters, if no heading is marked up at all
_ENDS = (".", "!", "?", "…", ".”", "!”", "?”", '."', '!"', '?"', ".’", ".'")


def mark_headings(blocks: Sequence[PageBlock], page_starts: Sequence[int]) -> Sequence[PageBlock]:
    """Turn blocks that name chapters and parts into headings, unless one is marked up already.

    If nothing is numbered, the titles at the beginning of pages are those of chapters.
    """
    levels = [block.level for block in blocks if block.level is not None]
    if any(block.level is not None and _is_numbered(block.text) for block in blocks):
        return blocks
    roles = _roles(blocks)
    if not roles and not levels:
        roles = _page_titles(blocks, page_starts)
    if not roles:
        return blocks
    first, last = min(roles), max(roles)
    is_inside = any(block.level is not None for block in blocks[first:last])
    level = min(levels) - is_inside if levels else _LEVEL
    marked: dict[int, Rank | None] = {**dict.fromkeys(_title_page(blocks[:first])), **roles}
    return [_marked(b, marked[i], level) if i in marked else b for i, b in enumerate(blocks)]


def _marked(block: PageBlock, rank: Rank | None, level: int) -> PageBlock:
    if rank is None:
        return replace(block, kind=BlockKind.HEADING)
    return replace(block, kind=BlockKind.HEADING, level=level - (rank < Rank.CHAPTER))


def _title_page(blocks: Sequence[PageBlock]) -> Sequence[int]:
    """Return the title and the author above the first chapter, if there is nothing else."""
    is_title = all(len(b.text) <= _LONGEST_TITLE and not b.text.endswith(_ENDS) for b in blocks)
    return range(len(blocks)) if is_title and len(blocks) <= _MOST_TITLES else ()


def _is_numbered(text: str) -> bool:
    heading = read_heading(text)
    return heading is not None and heading.number is not None


def _roles(blocks: Sequence[PageBlock]) -> Mapping[int, Rank]:
    """Return the blocks that begin parts and chapters."""
    headings = dict(_headings(blocks))
    bodies = list(accumulate((_is_body(i, b, headings) for i, b in enumerate(blocks)), initial=0))
    places = sorted(headings)

    def has_body(first: int, last: int) -> bool:
        return bodies[last] > bodies[first + 1]

    def is_filled(index: int) -> bool:
        at = bisect_left(places, index)
        return has_body(index, places[at + 1] if at + 1 < len(places) else len(blocks))

    families: dict[str, list[int]] = defaultdict(list)
    for index, heading in headings.items():
        if heading.word and heading.number is not None:
            families[heading.word].append(index)
    chapters: dict[int, Rank] = {}
    parts: dict[int, Rank] = {}
    for members in families.values():
        rank = headings[members[0]].rank
        usable = [i for i in members if is_filled(i)] if rank is Rank.CHAPTER else members
        if _is_sequence([headings[i].number for i in usable]):
            (chapters if rank is Rank.CHAPTER else parts).update(dict.fromkeys(usable, rank))
    numerals = [(i, h) for i, h in headings.items() if not h.word]
    if not chapters:
        chains = find_chains(numerals, [], has_body=has_body)
        numbered = [i for chain in chains if headings[chain[0]].number == 1 for i in chain]
        chapters = dict.fromkeys(numbered, Rank.CHAPTER) if len(numbered) >= _LEAST_NUMERALS else {}
    if not chapters:
        parts = {index: Rank.CHAPTER for index in parts if is_filled(index)}
    if not chapters and not parts:
        return {}
    named = [i for i, h in headings.items() if h.number is None and is_filled(i)]
    return dict.fromkeys(named, Rank.CHAPTER) | parts | chapters


def _headings(blocks: Sequence[PageBlock]) -> Iterator[tuple[int, Heading]]:
    """Return the blocks that contain only the name of a chapter, or its number."""
    for index, block in enumerate(blocks):
        if block.level is not None or len(block.text) > _LONGEST:
            continue
        heading = read_heading(block.text)
        if heading is None or heading.rank is Rank.SECTION:
            continue
        if heading.word or (not heading.title and block.kind is not BlockKind.LINE):
            yield index, heading


def _is_body(index: int, block: PageBlock, headings: Mapping[int, Heading]) -> bool:
    is_text = len(block.text) > _SHORTEST_BODY or block.text.endswith(_ENDS)
    return index not in headings and block.kind is not BlockKind.HEADING and is_text


def _is_sequence(numbers: Sequence[int | None]) -> bool:
    """Return whether numbers are consecutive, or start again, rather than merely mentioned."""
    rising = sum(b == 1 or (a is not None and b == a + 1) for a, b in pairwise(numbers))
    return len(numbers) >= _LEAST and rising * 4 >= (len(numbers) - 1) * 3


def _page_titles(blocks: Sequence[PageBlock], page_starts: Sequence[int]) -> Mapping[int, Rank]:
    """Return the titles, by their class, at the beginning of pages."""
    starts = [block.start for block in blocks]
    first = {bisect_left(starts, begin) for begin in page_starts} - {len(blocks)}
    titles = [index for index in sorted(first) if blocks[index].kind is BlockKind.HEADING]
    return dict.fromkeys(titles, Rank.CHAPTER) if len(titles) >= _LEAST else {}
