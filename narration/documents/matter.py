"""Which pages of a book are not for listening: imprints, contents, indexes, licences.

Decided by type, landmark or title and, failing these, by what a page looks like.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from narration.documents.paragraphs import PageBlock
from narration.documents.types import BlockKind, SkipReason

_BY_LANDMARK = {
    "copyright-page": SkipReason.COPYRIGHT,
    "copyright": SkipReason.COPYRIGHT,
    "imprint": SkipReason.COPYRIGHT,
    "colophon": SkipReason.COPYRIGHT,
    "toc": SkipReason.CONTENTS,
    "loi": SkipReason.CONTENTS,
    "lot": SkipReason.CONTENTS,
    "index": SkipReason.INDEX,
    "notes": SkipReason.NOTE,
    "footnotes": SkipReason.NOTE,
    "endnotes": SkipReason.NOTE,
    "rearnotes": SkipReason.NOTE,
}
_TITLES = {
    SkipReason.COPYRIGHT: (
        r"copyright(?: page| notice| information)?|imprint|colophon|uncopyright|legal notices?|"
        r"publication (?:data|information)|copyright and permissions"
    ),
    SkipReason.CONTENTS: (
        r"(?:table of )?contents(?: of .*)?|(?:list of )?(?:illustrations|figures|tables|maps|"
        r"plates|chapters)|(?:in|inside) this (?:book|volume|issue|article|guide|paper)|"
        r"on this page|table des mati[eè]res|inhalt(?:sverzeichnis)?|[ií]ndice|landmarks"
    ),
    SkipReason.INDEX: r"(?:general |subject |alphabetical )?index(?: of .*)?",
    SkipReason.BOILERPLATE: (
        r"(?:the )?(?:full )?project gutenberg(?:™|-tm)? licen[cs]e|"
        r"transcriber['’]?s?['’]? notes?|about this (?:e-?book|electronic edition)"
    ),
    SkipReason.NOTE: r"(?:foot|end|rear)notes?",
}
_TITLE_PATTERNS = tuple(
    (reason, re.compile(text, re.IGNORECASE)) for reason, text in _TITLES.items()
)
_IMPRINT_SIGNS = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        r"all rights (?:are )?reserved",
        r"©|\(c\)\s*(?:19|20)\d\d|copyright\W.{0,20}(?:1[6-9]|20)\d\d",
        r"\bisbn\b",
        r"library of congress|cataloging|cataloguing",
        r"(?:first|originally) published|(?:first|second|third) (?:edition|printing)",
        r"published (?:by|in)\b",
        r"printed (?:and bound )?(?:in|by)\b",
        r"no part of this (?:book|publication|work)",
        r"permission (?:of|from) the (?:publisher|author|copyright)",
        r"public domain|creative commons|licensed under",
        r"trademarks?\b",
        r"names, characters,? (?:places|and)",
    )
)
_LONGEST_IMPRINT = 6000
_SHORT_PAGE = 1500  # characters; a longer page is not front matter because of its title alone
_NOTE_START = re.compile(r"[\[({^]?(?:\d{1,4}|[*†‡§¶]|[a-z](?=[.)\]]))", re.IGNORECASE)
_LEAST_SIGNS = 3
_LEAST_LINKS = 4
_LINKED_SHARE = 0.6
_LONGEST_ENTRY = 140
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*$")
_TOPIC_END = re.compile(r"(?:[.!?] ?|[^\W\d_] )?(?:--|—|–) ?[A-Z]")
_LEAST_TOPICS = 3
_ENTRY_END = re.compile(r"(?<![^\W\d_])(?:\d{1,4}|[ivxlc]{1,7})\.?$")
_INDEXED = re.compile(r"[A-Za-z“\"'][^.!?]{0,79}?(?:,? (?:\d{1,4}(?:[-–]\d{1,4})?)(?:n\.?)?)+\.?")
_ONE_YEAR = re.compile(r"^\D+(?:1[5-9]|20)\d\d\W*$")
_LEAST_INDEXED = 6
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def landmark_reason(kind: str) -> SkipReason | None:
    """Return why pages with this landmark or guide type are not read; None if they are."""
    return _BY_LANDMARK.get(kind.removeprefix("other."))


def titled_reason(title: str) -> SkipReason | None:
    """Return why text under this title is not read; None if it is."""
    bare = _EDGES.sub("", " ".join(title.split()))
    return next((reason for reason, reasons in _TITLE_PATTERNS if reasons.fullmatch(bare)), None)


def page_reason(blocks: Sequence[PageBlock], title: str | None) -> SkipReason | None:
    """Return why a whole page is not read; `title` is its title in the contents."""
    if not blocks:
        return None
    reason = titled_reason(blocks[0].text) or (titled_reason(title) if title else None)
    if reason is not None and _looks_like(reason, blocks):
        return reason
    if _is_imprint(blocks):
        return SkipReason.COPYRIGHT
    if _is_index(blocks):
        return SkipReason.INDEX
    return SkipReason.CONTENTS if _is_linked(blocks) and len(blocks) >= _LEAST_LINKS else None


def is_running_text(blocks: Sequence[PageBlock]) -> bool:
    """Return whether most of these blocks are prose, unlike in a list or an imprint.

    Summaries in a table of contents are full of dashes: "The storm.--We land.--A fire."
    """
    chars = sum(len(block.text) for block in blocks)
    prose = sum(
        len(block.text)
        for block in blocks
        if len(block.text) > _LONGEST_ENTRY
        and block.linked_chars * 2 < len(block.text)
        and _SENTENCE_END.search(block.text) is not None
        and len(_TOPIC_END.findall(block.text)) < _LEAST_TOPICS
        and _signs([block]) == 0
    )
    return prose > _SHORT_PAGE and prose * 2 > chars


def inner_skips(blocks: Sequence[PageBlock]) -> list[SkipReason | None]:
    """Return for each block of a page why it is not read: it is in a table of contents."""
    reasons: list[SkipReason | None] = [None] * len(blocks)
    index = 0
    while index < len(blocks):
        end = _contents_end(blocks, index)
        if end > index:
            reasons[index:end] = [SkipReason.CONTENTS] * (end - index)
        index = max(end, index + 1)
    return reasons


def _looks_like(reason: SkipReason, blocks: Sequence[PageBlock]) -> bool:
    """Return whether a page looks like its title, as a chapter may be called "Contents", too."""
    chars = sum(len(block.text) for block in blocks)
    if chars <= _SHORT_PAGE and reason in {SkipReason.COPYRIGHT, SkipReason.NOTE}:
        return True
    if reason is SkipReason.COPYRIGHT:
        return _signs(blocks) >= (1 if chars <= _LONGEST_IMPRINT else _LEAST_SIGNS)
    if reason is SkipReason.NOTE:
        notes = sum(b.linked_chars > 0 or _NOTE_START.match(b.text) is not None for b in blocks)
        return notes * 4 >= len(blocks)
    if reason in {SkipReason.CONTENTS, SkipReason.INDEX}:
        bodies = [block for block in blocks if block.kind is not BlockKind.HEADING] or blocks
        entries = sum(_is_entry(block) or len(block.text) <= 60 for block in bodies)
        return entries * 4 >= len(bodies) * 3
    return True


def _is_imprint(blocks: Sequence[PageBlock]) -> bool:
    chars = sum(len(block.text) for block in blocks)
    is_short = chars <= _LONGEST_IMPRINT
    return is_short and _signs(blocks) >= _LEAST_SIGNS and not is_running_text(blocks)


def _is_index(blocks: Sequence[PageBlock]) -> bool:
    """Return whether blocks are words in alphabetical order, with the pages where they occur."""
    texts = [block.text for block in blocks]
    entries = [text.lower() for text in texts if _INDEXED.fullmatch(text)]
    if sum(_ONE_YEAR.search(text) is not None for text in entries) * 2 > len(entries):
        return False  # the works of an author, each with its year
    if len(entries) < _LEAST_INDEXED or len(entries) * 10 < len(texts) * 7:
        return False
    rising = sum(first[0] <= second[0] for first, second in pairwise(entries))
    return rising * 10 >= (len(entries) - 1) * 8


def _signs(blocks: Iterable[PageBlock]) -> int:
    text = "\n".join(block.text for block in blocks)
    return sum(sign.search(text) is not None for sign in _IMPRINT_SIGNS)


def _is_linked(blocks: Iterable[PageBlock]) -> bool:
    chars = linked = 0
    for block in blocks:
        chars += len(block.text)
        linked += block.linked_chars
    return linked >= chars * _LINKED_SHARE


def _is_entry(block: PageBlock) -> bool:
    """Return whether a block looks like an entry of the contents."""
    if len(block.text) > _LONGEST_ENTRY * 2:
        return False
    if block.linked_chars * 2 >= len(block.text):
        return True
    return len(block.text) <= _LONGEST_ENTRY and _ENTRY_END.search(block.text) is not None


def _contents_end(blocks: Sequence[PageBlock], start: int) -> int:
    """Return the index after a table of contents that begins here; the same index if none does."""
    is_headed = titled_reason(blocks[start].text) is SkipReason.CONTENTS
    first = start + 1 if is_headed else start
    end = first
    while end < len(blocks) and _continues(blocks, end, is_headed=is_headed):
        end += 1
    while end > first and not _is_entry(blocks[end - 1]):
        end -= 1
    if is_headed:
        return end if end > first else start
    links = sum(block.linked_chars > 0 for block in blocks[start:end])
    return end if links >= _LEAST_LINKS else start


def _continues(blocks: Sequence[PageBlock], index: int, *, is_headed: bool) -> bool:
    block = blocks[index]
    if _is_entry(block) and (is_headed or block.linked_chars * 2 >= len(block.text)):
        return True
    # A heading of a part, or "CHAPTER" above the first column, between two entries.
    return (
        is_headed
        and len(block.text) <= _LONGEST_ENTRY
        and any(_is_entry(other) for other in blocks[index + 1 : index + 3])
        and block.kind is not BlockKind.HEADING
    )
