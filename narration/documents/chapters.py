"""Blocks of a book -> chapters: by its table of contents, or by headings if that is too sparse."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from narration.documents.paragraphs import PageBlock
from narration.documents.types import Block, BlockKind, Chapter
from narration.documents.unmarked import mark_headings

_NUMBER = (
    r"(?:\d{1,3}|[ivxlc]+|(?:the\s+)?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|"
    r"twelve|\w+teen|(?:twenty|thirty|forty|fifty|sixty)(?:[\s-]\w+)?|first|second|third|fourth|"
    r"fifth|sixth|seventh|eighth|ninth|tenth|\w+th|last))"
)
_CHAPTER = rf"(?:chapter|chap\.|letter|canto|stave|scene|section|adventure|lecture|day)\s+{_NUMBER}"
_PART = rf"(?:book|part|volume|vol\.|act)\s+(?:the\s+)?{_NUMBER}"
_NUMBERED = re.compile(rf"(?:{_CHAPTER}|{_PART}|{_NUMBER})(?:\W.*)?", re.IGNORECASE)
_NAMED_CHAPTER = re.compile(rf"{_CHAPTER}(?:\W.*)?", re.IGNORECASE)
_NAMED_PART = re.compile(rf"{_PART}(?:\W.*)?", re.IGNORECASE)
_NUMERAL = re.compile(r"(?:[IVXLC]+|\d{1,3})(?:[.:)].*)?")
_STOPPED = (".", ":", "!", "?", "—", "–", ",", ";")
_LONGEST_TITLE = 200
_FEW_CHAPTERS = 4  # entries in the contents; with more, they are the intended chapters
_LONG_CHAPTER = 150_000  # characters: about three hours
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """An entry of the contents: the offset where it begins, its title, and its depth.

    `offset` is None for an entry that has no target of its own but groups others.
    """

    offset: int | None
    title: str
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """The start of a chapter: the number of its first block."""

    index: int
    title: str
    part: str = ""


def divide(
    blocks: Sequence[PageBlock],
    contents: Sequence[Landmark],
    page_starts: Sequence[int],
    *,
    title: str | None,
) -> tuple[Chapter, ...]:
    """Divide a book into chapters; text before the first one gets the title of the work.

    `page_starts` are the offsets at which its pages begin; `title` is the work's.
    """
    openings = list(_by_contents(blocks, contents, title))
    if len(openings) > 1:
        openings = list(_refined(blocks, openings))
    else:
        blocks = mark_headings(blocks, page_starts)
        openings = list(_by_headings(blocks, page_starts, title)) or openings
    return tuple(_chapters(blocks, openings, title))


def by_headings(
    blocks: Sequence[PageBlock], page_starts: Sequence[int] = (0,), *, title: str | None
) -> tuple[Chapter, ...]:
    """Divide a text without a table of contents."""
    blocks = mark_headings(blocks, page_starts)
    return tuple(_chapters(blocks, list(_by_headings(blocks, page_starts, title)), title))


def _chapters(
    blocks: Sequence[PageBlock], openings: list[_Opening], title: str | None
) -> Iterator[Chapter]:
    """Cut at the openings; one with nothing but headings joins the chapter that it introduces."""
    if not openings or openings[0].index > 0:
        openings = [_Opening(index=0, title=title or ""), *openings]
    texts = [index for index, block in enumerate(blocks) if block.kind is not BlockKind.HEADING]
    begin = 0
    for opening, following in zip(openings, [*openings[1:], None], strict=True):
        end = len(blocks) if following is None else following.index
        is_bare = bisect_left(texts, begin) == bisect_left(texts, end)
        if end == begin or (is_bare and following is not None):
            continue
        yield Chapter(
            title=opening.title,
            part=opening.part,
            blocks=tuple(
                Block(kind=block.kind, runs=block.runs, language=block.language)
                for block in blocks[begin:end]
            ),
        )
        begin = end


def _by_contents(
    blocks: Sequence[PageBlock], contents: Sequence[Landmark], title: str | None
) -> Iterator[_Opening]:
    """Find the entries of the contents, in text order, at most one for each block."""
    starts = [block.start for block in blocks]
    places = sorted({line.offset for line in contents if line.offset is not None})
    openings: dict[int, tuple[int, str, str]] = {}
    parents: list[str] = []
    for line in contents:
        parents = [*parents[: line.depth], *[""] * (line.depth - len(parents)), line.title]
        if line.offset is None:
            continue
        index = _block_at(blocks, starts, line)
        following = bisect_right(places, line.offset)
        if following < len(places) and index < len(blocks) and starts[index] >= places[following]:
            continue  # all of it is skipped, or it is only a picture
        above = [each for each in parents[:-1] if each and not _is_same(each, title or "")]
        part = ", ".join(dict.fromkeys(above))
        if index < len(blocks) and (index not in openings or line.depth > openings[index][0]):
            openings[index] = (line.depth, line.title, part)
    for index in sorted(openings):
        _, name, part = openings[index]
        yield _Opening(index=index, title=name, part=part)


def _block_at(blocks: Sequence[PageBlock], starts: list[int], line: Landmark) -> int:
    """Return the number of the block to which an entry of the contents points."""
    assert line.offset is not None
    index = bisect_right(starts, line.offset) - 1
    if index < 0 or blocks[index].end <= line.offset:
        index += 1
    # The target may be after its heading: at a number, or at the first paragraph.
    first = index
    while first > 0 and blocks[first - 1].kind is BlockKind.HEADING and index - first < 3:
        first -= 1
        if _is_same(blocks[first].text, line.title) or _ends_title(blocks[first], line.title):
            return first
    return index


def _ends_title(block: PageBlock, title: str) -> bool:
    words, whole = _bare(block.text), _bare(title)
    return len(words) > 3 and whole.endswith(words)


def _refined(blocks: Sequence[PageBlock], openings: list[_Opening]) -> Iterator[_Opening]:
    """Divide chapters of the contents that contain several numbered headings of one level."""
    for opening, following in zip(openings, [*openings[1:], None], strict=True):
        end = len(blocks) if following is None else following.index
        yield opening
        size = blocks[end - 1].end - blocks[opening.index].start
        if len(openings) >= _FEW_CHAPTERS and size < _LONG_CHAPTER:
            continue
        inner = list(_numbered(blocks, opening.index, end))
        if len(inner) < 2:
            continue
        part = f"{opening.part}, {opening.title}" if opening.part else opening.title
        yield from (replace(each, part=part) for each in inner if each.index > opening.index)


def _numbered(blocks: Sequence[PageBlock], start: int, end: int) -> Iterator[_Opening]:
    """Return the numbered headings of the level with the most, if they divide a chapter."""
    own = blocks[start].level or 0
    levels = Counter(
        block.level
        for block in blocks[start + 1 : end]
        if block.level is not None and block.level > own and _NAMED_CHAPTER.fullmatch(block.text)
    )
    if not levels:
        return
    level, _ = levels.most_common(1)[0]
    for index in range(start + 1, end):
        block = blocks[index]
        if block.level == level and _NAMED_CHAPTER.fullmatch(block.text):
            yield _Opening(index=index, title=_title_at(blocks, index, end, block.level))


def names_chapter(text: str) -> bool:
    """Return whether a heading names a chapter or a part rather than a whole work."""
    return any(
        pattern.fullmatch(text) is not None for pattern in (_NAMED_CHAPTER, _NAMED_PART, _NUMERAL)
    )


def lone_title(blocks: Sequence[PageBlock]) -> str | None:
    """Return the only heading above all others, which is the title of the work."""
    headings = [block for block in blocks if block.level is not None]
    first = headings[0] if headings else None
    if first is None or first.level is None or _NAMED_PART.fullmatch(first.text):
        return None
    rest = [block.level for block in headings[1:] if block.level is not None]
    is_over_all = len(rest) > 1 and first.level < min(rest)
    return first.text if is_over_all and not _NAMED_CHAPTER.fullmatch(first.text) else None


def _by_headings(
    blocks: Sequence[PageBlock], page_starts: Sequence[int], title: str | None
) -> Iterator[_Opening]:
    """Open at headings of the chapter level and above, and at the first heading of each page."""
    level = _chapter_level(blocks)
    names = {title or "", lone_title(blocks) or ""}
    heads = set(_first_headings(blocks, page_starts))
    parts: dict[int, str] = {}
    previous = -2  # a heading right after one that opens a chapter continues its title
    for index, block in enumerate(blocks):
        opens = block.level is not None and (block.level <= level or index in heads)
        is_continued = previous == index - 1 and _continues(blocks, index, level)
        if opens and block.level is not None and not is_continued:
            parts = {each: name for each, name in parts.items() if each < block.level}
            name = _title_at(blocks, index, len(blocks), level)
            above = [part for part in parts.values() if not any(_is_same(part, n) for n in names)]
            yield _Opening(index=index, title=name, part=", ".join(above))
            parts[block.level] = name
        if opens or is_continued:
            previous = index


def _continues(blocks: Sequence[PageBlock], index: int, level: int) -> bool:
    """Return whether a heading is the second line of the title before it, and not a new start."""
    before, block = blocks[index - 1], blocks[index]
    if block.kind is not BlockKind.HEADING:
        return False
    if block.level is None or before.level is None:
        return block.level is None or block.level > level
    if block.level <= max(level, before.level):
        return False
    return None in {_NUMBERED.fullmatch(block.text), _NUMBERED.fullmatch(before.text)}


def _first_headings(blocks: Sequence[PageBlock], page_starts: Sequence[int]) -> Iterator[int]:
    starts = [block.start for block in blocks]
    for number, begin in enumerate(page_starts):
        end = page_starts[number + 1] if number + 1 < len(page_starts) else None
        last = len(blocks) if end is None else bisect_left(starts, end)
        for index in range(bisect_left(starts, begin), last):
            if blocks[index].level is not None:
                yield index
                break


def _chapter_level(blocks: Sequence[PageBlock]) -> int:
    """Return the heading level of chapters: the first one used twice that is not one of parts."""
    headings = [(block.level, _bare(block.text)) for block in blocks if block.level is not None]
    counts = Counter(level for level, _ in headings)
    names = Counter(level for level, _ in set(headings))  # a work's title may appear twice
    levels = sorted(counts)
    for number, level in enumerate(levels):
        deeper = levels[number + 1] if number + 1 < len(levels) else None
        used = counts[level] if deeper is None else names[level]
        if used > 1 and (deeper is None or not _are_parts(blocks, level, deeper)):
            return level
    return min(levels, default=1)


def _are_parts(blocks: Sequence[PageBlock], level: int, deeper: int) -> bool:
    """Return whether headings of a level are parts: by name, or because chapters follow directly.

    If a heading has only one below it, that is its second line.
    """
    named = total = headed = numbered = 0
    counts: list[int] = []
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.level == level:
            total += 1
            counts.append(0)
            named += _NAMED_PART.fullmatch(block.text) is not None
            is_followed = following is not None and following.level == deeper
            headed += is_followed and not names_chapter(block.text)
            numbered += following is not None and is_followed and names_chapter(following.text)
        elif block.level == deeper and counts:
            counts[-1] += 1
    are_over = named * 2 > total or headed * 2 > total
    several = sum(count > 1 for count in counts)
    return are_over and sum(counts) > total and max(named, numbered, several) * 2 > total


def _title_at(blocks: Sequence[PageBlock], index: int, end: int, level: int) -> str:
    """Return a chapter's title: the lines of its heading, and what is directly below."""
    title = blocks[index].text
    for following in range(index + 1, min(index + 3, end)):
        block = blocks[following]
        if not _continues(blocks, following, level):
            break
        joined = f"{title} {block.text}" if title.endswith(_STOPPED) else f"{title}. {block.text}"
        if len(joined) > _LONGEST_TITLE:
            break
        title = joined
    return title[:_LONGEST_TITLE]


def _is_same(text: str, title: str) -> bool:
    return _bare(text) == _bare(title) != ""


def _bare(text: str) -> str:
    return _NOT_WORDS.sub("", text).lower()
