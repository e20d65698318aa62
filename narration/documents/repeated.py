"""Lists of contents that nothing marks as such: lines that come again further on as headings.

Knows the blocks of a text and what its navigation names; nothing of links or of pages.
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
_LONGEST_ARGUMENT = 300  # characters of what stands below an entry: "In which ..."
_SHORTEST_BODY = 60
_NEAR = 8  # headings below a list of which one is its first entry; a preface may be unlisted
_MOST_TITLES = 2  # headings between one and its text: a subtitle, a motto's author
_SENTENCE = re.compile(r"[.!?…][\"'”’»)\]]*$")


def repeated_lists(
    blocks: Sequence[PageBlock], promised: Iterable[tuple[int, str]] = ()
) -> frozenset[int]:
    """Find the blocks, by their numbers, that are lines of such a list.

    `promised` are the offsets and titles of what the navigation names. A list that a sentence
    introduces is the author's own.
    """
    places = _places(blocks, promised)
    headed = sorted({place for offsets in places.values() for place in offsets})
    found: set[int] = set()
    index = 0
    while index < len(blocks):
        if not _recurs(blocks[index], places):
            index += 1
            continue
        members, end = _run(blocks, index, places)
        if _is_contents(blocks, members, places, headed) and not _is_introduced(blocks, index):
            has_title = index > 0 and titled_reason(blocks[index - 1].text) is SkipReason.CONTENTS
            found.update(range(index - has_title, end))
        index = end
    return frozenset(found)


def contents_reasons(blocks: Sequence[PageBlock]) -> list[SkipReason | None]:
    """Why each block of a text in one piece is not read: it is in a list of contents."""
    lists = repeated_lists(blocks)
    return [
        SkipReason.CONTENTS if index in lists else reason
        for index, reason in enumerate(inner_skips(blocks))
    ]


def _places(
    blocks: Sequence[PageBlock], promised: Iterable[tuple[int, str]]
) -> Mapping[str, list[int]]:
    """Offsets of headings that have text below them, and of what is promised, by their keys."""
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
    return any(found is not None and found[-1] > block.end for found in keys)


def _run(
    blocks: Sequence[PageBlock], start: int, places: Mapping[str, list[int]]
) -> tuple[list[int], int]:
    """Follow lines that come again, each with one at most that does not; also tell where it ends.

    What stands below the last entry belongs to it if something stands below most of the others.
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
    goes_on = has_arguments and end < len(blocks) and _is_argument(blocks, end)
    return members, end + goes_on


def _is_argument(blocks: Sequence[PageBlock], index: int) -> bool:
    """Tell what an entry says of a chapter from the text of a chapter below its heading."""
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
    headed: Sequence[int],
) -> bool:
    """Tell whether the entries come again soon below the list, and in the same order.

    Headings above the entries of a part do not count; in a list of nothing else they do.
    """
    plain = [index for index in members if blocks[index].level is None]
    entries = plain if len(plain) * 2 > len(members) else members
    position, count = blocks[members[-1]].end, 0
    beyond = _beyond(headed, position)
    for index in entries:
        following = [
            found[at]
            for key in _entry_keys(blocks[index].text)
            if (found := places.get(key)) and (at := bisect_right(found, position)) < len(found)
        ]
        if following and (count or min(following) < beyond):
            position = min(following)
            count += 1
    return count >= _LEAST_ENTRIES and count * 4 >= len(entries) * 3


def _beyond(headed: Sequence[int], position: int) -> float:
    """Offset of the heading that is too far below a list to be its first entry."""
    at = bisect_right(headed, position) + _NEAR
    return headed[at] if at < len(headed) else inf


def _is_introduced(blocks: Sequence[PageBlock], index: int) -> bool:
    """Tell "We shall look at three things:" from "Contents:"."""
    if not index or blocks[index - 1].kind is BlockKind.HEADING:
        return False
    text = blocks[index - 1].text
    return text.endswith(":") and titled_reason(text) is not SkipReason.CONTENTS


def _entry_keys(text: str) -> set[str]:
    """Keys of a line as it stands and without the number of a page."""
    bare = PAGE.sub("", text)
    return _keys(text) if bare == text else _keys(text) | _keys(bare)


def _keys(title: str) -> set[str]:
    return set(_all_keys(title))


def _all_keys(title: str) -> Iterator[str]:
    """Yield a title as it stands, without its number, and by that; a bare number is no title."""
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
