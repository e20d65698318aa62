"""Lines of a table of contents: which groups are tables, and what each entry names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from narration.documents.plain.headings import Heading, Rank, read_heading
from narration.documents.plain.lines import Group, Line
from narration.documents.plain.title_keys import PAGE

_COLUMN_HEAD = re.compile(
    r"(?:chapters?|chap\.?|pages?|page no\.?|facing page|no\.?|part|\s)+\.?", re.IGNORECASE
)
_NUMBERED = re.compile(r"\d|\b[IVX]+\b")
_SPACED = re.compile(r"^(\d{1,3}|[IVXLC]+)\s{2,}(?=\S)")  # a number in its own column
_SENTENCE_END = re.compile(r"[.!?;,:][\"'”’_]*$")
_LONGEST_TITLE = 60
_LONGEST_ENTRY = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a table of contents; the indentation distinguishes parts from chapters."""

    text: str
    heading: Heading | None
    indent: int


def is_list(group: Group) -> bool:
    """Return whether a group consists of entries rather than sentences."""
    text = group.text
    if PAGE.search(text) and (len(text) < _LONGEST_ENTRY or read_heading(group.first)):
        return True
    entries = sum(_is_entry(line.text) for line in group.lines)
    if entries * 3 >= len(group.lines) * 2 and (len(group.lines) > 1 or len(text) < 100):
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
    if PAGE.search(text) and not text[0].islower():
        return True
    return read_heading(text) is not None or (text.isupper() and len(text) < 80)


def read_entries(groups: Sequence[Group], *, has_title: bool = True) -> Iterator[Entry]:
    """Return the entries; if they end in page numbers, lines without one continue in the next."""
    lines = [line for group in groups for line in group.lines][1 if has_title else 0 :]
    paged = sum(PAGE.search(line.text) is not None for line in lines) * 5 >= len(lines) * 2
    pending, indent = "", 0
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else None
        if _COLUMN_HEAD.fullmatch(line.text) and not _NUMBERED.search(line.text):
            continue
        indent = indent if pending else line.indent
        text = f"{pending} {line.text}".strip()
        pending = ""
        if following is not None and _continues(text, following, paged=paged):
            pending = text
            continue
        cleaned = PAGE.sub("", text).strip(" .·…_-")
        if cleaned:
            heading = read_heading(_SPACED.sub(r"\1. ", cleaned))
            yield Entry(text=cleaned, heading=heading, indent=indent)


def _continues(text: str, following: Line, *, paged: bool) -> bool:
    if PAGE.search(text) or len(text) > _LONGEST_ENTRY or read_heading(following.text) is not None:
        return False
    if following.text[0].islower():
        return True
    heading = read_heading(text)
    return paged and heading is not None and heading.rank > Rank.PART
