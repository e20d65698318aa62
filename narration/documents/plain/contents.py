"""The list of contents of a plain text: where it stands, and which headings it promises."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from narration.documents.plain.headings import Heading, Rank, number_value, read_heading
from narration.documents.plain.lines import Group, Line, bare

_TITLE = re.compile(
    r"(?:the |table of |list of |general )?(?:contents|illustrations|plates|maps|figures|tables|"
    r"chapters)(?: of .{1,40})?(?: \(continued\))?",
    re.IGNORECASE,
)
_INDEX = re.compile(
    r"(?:general |subject |an |alphabetical )?index(?: (?:of|to) .{1,60})?", re.IGNORECASE
)
_PAGE = re.compile(r"(?:[\s.·…_,-]{2,}|\s)(?:p\.? ?)?(?:\d{1,4}|[ivxlc]{1,7})\.?\s*$")
_LEADER = re.compile(r"(?:\s?\.){3,}|\s{3,}|…")
_COLUMN_HEAD = re.compile(
    r"(?:chapters?|chap\.?|pages?|page no\.?|facing page|no\.?|part|\s)+\.?", re.IGNORECASE
)
_INDEXED = re.compile(r",? \d{1,4}(?:[-–]\d+)?[.,;]?$")
_NUMBERED = re.compile(r"\d|\b[IVX]+\b")
_SENTENCE_END = re.compile(r"[.!?;,:][\"'”’_]*$")
_LONGEST_TITLE = 60
_NOT_KEY = re.compile(r"[^a-z0-9]+")
_ROMAN_TOKEN = re.compile(r"\b[ivxlc]+\b")
_FRONT_SHARE = 6  # contents stand in the first sixth of a text, or in its first groups
_FRONT_GROUPS = 150
_LEAST_ENTRIES = 2
_LONGEST_ENTRY = 700
_KEY_LENGTH = 60
_KEY_START = 12
_WIDE_GAP = 3
_MOST_GROUPS = 1_500  # of one list; the Decameron's has 121


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a list of contents; the indent tells parts from chapters."""

    text: str
    heading: Heading | None
    indent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """groups[first:end] are a list; it has no entries where it is one of pictures."""

    first: int
    end: int
    entries: tuple[Entry, ...]
    is_index: bool = False


def find_contents(groups: Sequence[Group]) -> list[Contents]:
    """Find lists at the front, with their heading or without, and indexes at the back."""
    found: list[Contents] = []
    limit = max(len(groups) // _FRONT_SHARE, min(_FRONT_GROUPS, len(groups)))
    index = 0
    while index < limit:
        if _is_title(groups[index]):
            extent, end = _named(groups, index), index + 1
        else:
            extent, end = _unnamed(groups, index)
        if extent is not None:
            found.append(extent)
        index = end if extent is None else extent.end
    return [*found, *_indexes(groups, found[-1].end if found else 0)]


def title_key(text: str) -> str:
    """Bring a title as listed and as printed to one form: no marks, no page, Arabic numbers."""
    lowered = _PAGE.sub("", text).lower().replace("_", "")
    numbered = _ROMAN_TOKEN.sub(lambda m: str(number_value(m[0]) or m[0]), lowered)
    return _NOT_KEY.sub("", numbered)[:_KEY_LENGTH]


def _named(groups: Sequence[Group], start: int) -> Contents | None:
    """Follow a list from its heading to the text; where no text follows, there is no list."""
    name = bare(groups[start].first).lower()
    is_contents = "content" in name or "chapter" in name
    end = start + 1
    goes_on = _is_list if is_contents else _is_caption
    limit = min(len(groups), start + _MOST_GROUPS)
    while end < limit and not _is_title(groups[end]) and goes_on(groups[end]):
        end += 1
    if end == limit:
        return None
    body = end
    if is_contents and not _is_title(groups[end]):
        body = _body_start(groups, start, end, list(_entries(groups[start:end])))
    entries = tuple(_entries(groups[start:body]))
    if len(entries) < _LEAST_ENTRIES:
        return None
    return Contents(first=start, end=body, entries=entries if is_contents else ())


def _is_title(group: Group) -> bool:
    return _TITLE.fullmatch(bare(group.first).rstrip(" .:")) is not None


def _is_caption(group: Group) -> bool:
    """Tell an entry in a list of pictures from what stands below the list."""
    return group.gap < _WIDE_GAP and (group.gap < 2 or read_heading(group.first) is None)


def _body_start(groups: Sequence[Group], start: int, end: int, entries: Sequence[Entry]) -> int:
    """Tell where headings stop being a list and are the text's own: where the first comes again."""
    if not entries:
        return end
    lines = [title_key(line.text) for group in groups[start:end] for line in group.lines]
    for entry in entries[:2]:
        if lines.count(title_key(entry.text)) > 2:
            continue  # "Jonathan Harker's Journal"
        for index in range(start + 1, end):
            if groups[index].gap and _repeats(groups, start, index, entry):
                return _with_half_title(groups, start, index)
    # The text has another heading than the list: what stands just above its first words.
    for index in range(max(start + 1, end - 4), end):
        heading = read_heading(groups[index].first)
        if heading is not None and groups[index].gap > 1 and (heading.number or 1) == 1:
            return _with_half_title(groups, start, index)
    return end


def _repeats(groups: Sequence[Group], start: int, index: int, entry: Entry) -> bool:
    """Tell whether a group is headed as the entry is, and stands below it."""
    first = groups[index].first
    key, promised = title_key(first), title_key(entry.text)
    title = title_key(entry.heading.title) if entry.heading is not None else promised
    if not key or not (key in {promised, title} or _is_same(read_heading(first), entry.heading)):
        return False
    above = (line for group in groups[start:index] for line in group.lines)
    is_below = any(title_key(line.text)[:_KEY_START] == promised[:_KEY_START] for line in above)
    return is_below and (len(groups[index].lines) == 1 or index > start + 1)


def _is_same(heading: Heading | None, promised: Heading | None) -> bool:
    """Tell whether two headings are one: "I. The Hill" is listed, "CHAPTER I" printed."""
    if heading is None or promised is None or heading.number != promised.number:
        return False
    if {heading.rank, promised.rank} not in (
        {heading.rank},
        {Rank.CHAPTER, Rank.NUMERAL},
    ):
        return False
    if not heading.title or not promised.title:
        return True
    return title_key(heading.title) == title_key(promised.title)


def _with_half_title(groups: Sequence[Group], start: int, index: int) -> int:
    """Leave the title of the book above its first chapter to the text."""
    above = groups[index - 1] if index - 1 > start + 1 else None
    if above is None or len(above.lines) > 2 or above.gap < 2 or _PAGE.search(above.text):
        return index
    is_apart = above.gap >= _WIDE_GAP or above.text.isupper()
    return index - 1 if is_apart and read_heading(above.first) is None else index


def _unnamed(groups: Sequence[Group], start: int) -> tuple[Contents | None, int]:
    """Recognise a list without a heading: three headings and more that all come again.

    Also tells where to look on.
    """
    first = read_heading(groups[start].first)
    if first is None or first.number is None:
        return None, start + 1
    end, limit = start, min(len(groups), start + _MOST_GROUPS)
    while end < limit and _is_list(groups[end]):
        end += 1
    entries = list(_entries(groups[start:end], has_title=False))
    repeats = (i for i in range(start + 1, end) if _repeats(groups, start, i, entries[0]))
    body = next(repeats, None) if entries and end < len(groups) else None
    if body is None:
        return None, max(end, start + 1)
    kept = tuple(_entries(groups[start:body], has_title=False))
    headed = sum(entry.heading is not None for entry in kept)
    if headed < _LEAST_ENTRIES or headed * 2 < len(kept):
        return None, max(end, start + 1)
    return Contents(first=start, end=body, entries=kept), body


def _indexes(groups: Sequence[Group], start: int) -> Iterator[Contents]:
    index = max(start, len(groups) // 2)
    while index < len(groups):
        end = index + 1
        if groups[index].gap > 1 and _INDEX.fullmatch(bare(groups[index].text).rstrip(" .:")):
            while end < len(groups) and _is_index_part(groups[end]):
                end += 1
            if end > index + 1:
                yield Contents(first=index, end=end, entries=(), is_index=True)
        index = end


def _is_index_part(group: Group) -> bool:
    """Tell words with page numbers, and the letters above them, from a new heading."""
    if group.gap < _WIDE_GAP and not _INDEX.fullmatch(bare(group.text).rstrip(" .:")):
        return True
    numbered = sum(_INDEXED.search(line.text) is not None for line in group.lines)
    return numbered * 3 >= len(group.lines) or len(bare(group.text)) <= 2


def _is_list(group: Group) -> bool:
    """Tell entries of a list from sentences."""
    text = group.text
    if _PAGE.search(text) and (len(text) < _LONGEST_ENTRY or read_heading(group.first)):
        return True
    listed = sum(_is_entry(line.text) for line in group.lines)
    if listed * 3 >= len(group.lines) * 2 and (len(group.lines) > 1 or len(text) < 100):
        return True
    if len(group.lines) > 2 and max(len(line.text) for line in group.lines) < _LONGEST_TITLE:
        sentences = sum(_SENTENCE_END.search(line.text) is not None for line in group.lines)
        return sentences * 4 <= len(group.lines)
    if len(text) > 100 or text.rstrip("\"'”’_")[-1:] in {".", "!", "?", ";", ","}:
        return text.isupper() and len(text) < 200
    return True


def _is_entry(text: str) -> bool:
    if len(text) > 110:
        return False
    if _PAGE.search(text) and not text[0].islower():
        return True
    return read_heading(text) is not None or (text.isupper() and len(text) < 80)


def _entries(groups: Sequence[Group], *, has_title: bool = True) -> Iterator[Entry]:
    """Lines of a list; where entries end in a page, a line without one goes on in the next."""
    lines = [line for group in groups for line in group.lines][1 if has_title else 0 :]
    paged = sum(_PAGE.search(line.text) is not None for line in lines) * 5 >= len(lines) * 2
    waiting, indent = "", 0
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else None
        if _COLUMN_HEAD.fullmatch(line.text) and not _NUMBERED.search(line.text):
            continue
        indent = indent if waiting else line.indent
        text = f"{waiting} {line.text}".strip()
        waiting = ""
        if following is not None and _goes_on(text, following, paged=paged):
            waiting = text
            continue
        cleaned = _PAGE.sub("", text).strip(" .·…_-")
        if cleaned:
            yield Entry(text=cleaned, heading=read_heading(cleaned), indent=indent)


def _goes_on(text: str, following: Line, *, paged: bool) -> bool:
    if _PAGE.search(text) or len(text) > _LONGEST_ENTRY or read_heading(following.text) is not None:
        return False
    if following.text[0].islower():
        return True
    heading = read_heading(text)
    return paged and heading is not None and heading.rank > Rank.PART
