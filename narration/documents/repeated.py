"""Tables of contents without any markup: lines that appear again later on as headings.

Knows the blocks of a text and the titles in its navigation; nothing of links or pages.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

from narration.documents.matter import inner_skips, titled_reason
from narration.documents.paragraphs import PageBlock
from narration.documents.plain.headings import read_heading
from narration.documents.plain.title_keys import PAGE, printed_key
from narration.documents.types import BlockKind, SkipReason

_LEAST_ENTRIES = 3
_LONGEST_ENTRY = 140
_LONGEST_ARGUMENT = 300  # characters of the text below an entry: "In which ..."
_SHORTEST_BODY = 60
_NEAR = 8  # headings below a table, one of which is its first entry; a preface may not be listed
_MOST_TITLES = 2  # headings between an entry's heading and its text: a subtitle, a motto's author
_SENTENCE = re.compile(r"[.!?…][\"'”’»)\]]*$")


def repeated_lists(
    blocks: Sequence[PageBlock], promised: Iterable[tuple[int, str]] = ()
) -> frozenset[int]:
    """Return the numbers of the blocks that are lines of such a table.

    `promised` are the offsets and titles in the navigation. A list after an introductory sentence
    is the author's own.
    """
    places = _places(blocks, promised)
    heading_offsets = sorted({place for offsets in places.values() for place in offsets})
    in_lists: set[int] = set()
    index = 0
    while index < len(blocks):
        if not _recurs(blocks[index], places):
            index += 1
            continue
        members, end = _run(blocks, index, places)
        if _is_contents(blocks, members, places, heading_offsets) and not _is_introduced(
            blocks, index
        ):
            has_title = index > 0 and titled_reason(blocks[index - 1].text) is SkipReason.CONTENTS
            in_lists.update(range(index - has_title, end))
        index = end
    return frozenset(in_lists)


def contents_reasons(blocks: Sequence[PageBlock]) -> list[SkipReason | None]:
    """Return for each block of a single text why it is not read: it is in a table of contents."""
    lists = repeated_lists(blocks)
    return [
        SkipReason.CONTENTS if index in lists else reason
        for index, reason in enumerate(inner_skips(blocks))
    ]


def _places(
    blocks: Sequence[PageBlock], promised: Iterable[tuple[int, str]]
) -> Mapping[str, list[int]]:
    """Return by key the offsets of headings with text below them, and of `promised` titles."""
    named = [(offset, title) for offset, title in promised]
    for index, block in enumerate(blocks):
        if block.kind is BlockKind.HEADING and _is_filled(blocks, index):
            named.append((block.start, block.text))
    places: dict[str, list[int]] = defaultdict(list)
    for offset, title in sorted(named):
        for key in _keys(title):
            places[key].append(offset)
    return places


def _is_filled(blocks: Sequence[PageBlock], index: int) -> bool:
    below = blocks[index + 1 : index + 2 + _MOST_TITLES]
    text = next((block for block in below if block.kind is not BlockKind.HEADING), None)
    return text is not None and (
        len(text.text) > _SHORTEST_BODY or _SENTENCE.search(text.text) is not None
    )


def _recurs(block: PageBlock, places: Mapping[str, list[int]]) -> bool:
    if len(block.text) > _LONGEST_ENTRY:
        return False
    keys = (places.get(key) for key in _entry_keys(block.text))
    return any(offsets is not None and offsets[-1] > block.end for offsets in keys)


def _run(
    blocks: Sequence[PageBlock], start: int, places: Mapping[str, list[int]]
) -> tuple[list[int], int]:
    """Follow lines that appear again, allowing one other after each; also return the end.

    The text below the last entry belongs to it if most of the others have text below them.
    """
    members = [start]
    index = start + 1
    while index < len(blocks) and index - members[-1] <= 2:
        if _recurs(blocks[index], places):
            members.append(index)
        elif not _is_argument(blocks, index):
            break
        index += 1
    end = members[-1] + 1
    has_arguments = end - start - len(members) >= len(members) - 1 > 0
    continues = has_arguments and end < len(blocks) and _is_argument(blocks, end)
    return members, end + continues


def _is_argument(blocks: Sequence[PageBlock], index: int) -> bool:
    """Distinguish a summary below an entry from the text of a chapter below its heading."""
    is_headed = blocks[index - 1].kind is BlockKind.HEADING
    return (
        not is_headed
        and blocks[index].level is None
        and len(blocks[index].text) <= _LONGEST_ARGUMENT
    )


def _is_contents(
    blocks: Sequence[PageBlock],
    members: Sequence[int],
    places: Mapping[str, list[int]],
    heading_offsets: Sequence[int],
) -> bool:
    """Return whether the entries appear again soon below the table, in the same order.

    Headings above the entries of a part do not count, unless the table has no other entries.
    """
    plain = [index for index in members if blocks[index].level is None]
    entries = plain if len(plain) * 2 > len(members) else members
    position, count = blocks[members[-1]].end, 0
    beyond = _beyond(heading_offsets, position)
    for index in entries:
        following = [
            offsets[at]
            for key in _entry_keys(blocks[index].text)
            if (offsets := places.get(key))
            and (at := bisect_right(offsets, position)) < len(offsets)
        ]
        if following and (count or min(following) < beyond):
            position = min(following)
            count += 1
    return count >= _LEAST_ENTRIES and count * 4 >= len(entries) * 3


def _beyond(heading_offsets: Sequence[int], position: int) -> float:
    """Return the offset of the heading that is too far below a table to be its first entry."""
    at = bisect_right(heading_offsets, position) + _NEAR
    return heading_offsets[at] if at < len(heading_offsets) else inf


def _is_introduced(blocks: Sequence[PageBlock], index: int) -> bool:
    """Distinguish "We shall look at three things:" from "Contents:"."""
    if not index or blocks[index - 1].kind is BlockKind.HEADING:
        return False
    text = blocks[index - 1].text
    return text.endswith(":") and titled_reason(text) is not SkipReason.CONTENTS


def _entry_keys(text: str) -> set[str]:
    """Return the keys of a line, as written and without a page number."""
    bare = PAGE.sub("", text)
    return _keys(text) if bare == text else _keys(text) | _keys(bare)


def _keys(title: str) -> set[str]:
    return set(_all_keys(title))


def _all_keys(title: str) -> Iterator[str]:
    """Yield the keys of a title: as written, without its number, by its number; no bare numbers."""
    texts = [title]
    heading = read_heading(title)
    if heading is not None and heading.title:
        texts.append(heading.title)
    if heading is not None and heading.word and heading.number is not None and not heading.title:
        yield f"#{heading.word}:{heading.number}"
    for text in texts:
        key = printed_key(text)
        if len(key) > 1 and not key.isdigit():
            yield key
