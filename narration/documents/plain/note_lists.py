"""Lists of notes below a heading, "NOTES:", and the figures that refer to them.

A list under "Notes" counts only if the text above has its figures; "Footnotes" need no proof.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narration.documents.marks import takes_power
from narration.documents.plain.headings import read_heading
from narration.documents.types import Skip, SkipReason

_HEADING = re.compile(
    r"^[^\S\r\n]*+[_*=~|-]{0,3}[^\S\r\n]?(?P<sure>(?:foot|end|rear)[- ]?)?notes?"
    r"(?:[ ](?:to|on|for)[ ][^\r\n]{1,40})?[^\S\r\n]?[:.]?[_*=~|-]{0,3}[^\S\r\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
_LINE = re.compile(r"(?P<indent>[^\S\r\n]*+)(?P<text>[^\r\n]*)(?:\r\n|[\r\n]|\Z)")
_ENTRY = re.compile(
    r"\s*(?:\[(?P<a>\d{1,3})\]|\((?P<b>\d{1,3})\)|\^?(?P<c>\d{1,3})[.):]?(?=\s)"
    r"|(?P<d>[¹²³⁰⁴-⁹]{1,3}))[.:]?\s*(?=\S)"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_END = r"(?=[\s,.;:!?)\"'”’—-]|\Z)"
_BEHIND = r"(?:(?<=[a-z]{2})|(?<=[^\W\d_][.,;:!?”’\"')])|(?<=[.,;:!?][”’\"')]))"
# How figures may be written in the text, the most certain first.
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<=\S)[ ]?\[(?P<number>\d{1,3})\]",
        rf"(?<=\S)\^(?P<number>\d{{1,3}}){_END}",
        rf"(?<=\S)(?P<number>[¹²³⁰⁴-⁹]{{1,3}}){_END}",
        rf"{_BEHIND}(?P<number>\d{{1,3}}){_END}",
        r"(?<=[^\W\d_][ .,;:!?”’\"'])[ ]?\((?P<number>\d{1,3})\)",
    )
)
_MOST_MISSING = 2  # consecutive numbers of a list; a scan loses some
_WIDE_GAP = 3  # empty lines, as above a chapter
_POWER = 24  # characters before a superscript figure that may be its base
_LONGEST_TITLE = 80  # "To Chapter II", above the notes on it
_LONGEST_ASIDE = 1_500  # characters in an entry's further paragraphs
_Extent = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """Consecutive numbered entries, and where the last of them ends."""

    numbers: tuple[int, ...]
    end: int


def find_note_lists(source: str) -> list[Skip]:
    """Return lists of notes with their headings, and the references in the text."""
    headings = list(_HEADING.finditer(source))
    figures = _Figures(source) if headings else None
    skips: list[Skip] = []
    position = 0
    for heading in headings:
        if figures is None or heading.start() < position:
            continue
        marks, end = _listed(source, heading, figures, position)
        if end > heading.end():
            reasons = [(mark, SkipReason.NOTE_MARK) for mark in marks]
            start = heading.start() + len(heading[0]) - len(heading[0].lstrip())
            reasons.append(((start, end), SkipReason.NOTE))
            skips += [Skip(start=a, end=b, reason=reason) for (a, b), reason in reasons]
            position = end
    return skips


def _listed(
    source: str, heading: re.Match[str], figures: "_Figures", position: int
) -> tuple[list[_Extent], int]:
    """Return the references to the lists below a heading, one list per chapter or one in all."""
    marks: list[_Extent] = []
    end = heading.end()
    below = _next_list(source, end)
    while below is not None:
        entries = _entries(source, below)
        if entries is None:
            break
        references = figures.in_order(entries.numbers, position, heading.start())
        is_first = end == heading.end()
        is_sure = heading["sure"] is not None and is_first and _is_numbered(source, below, entries)
        if not is_sure and len(references) * 2 < len(entries.numbers):
            break
        marks += references
        end = entries.end
        position = references[-1][1] if references else position
        below = _next_list(source, end)
    return marks, end


def _entries(source: str, position: int) -> _Entries | None:
    """Follow numbered entries, each with its indented or following lines.

    "2. The Hill" is no entry if the space above it is as wide as above a chapter.
    """
    numbers: list[int] = []
    end = gap = aside = 0
    for line in _LINE.finditer(source, position):
        if not line["text"].strip():
            gap += 1
            if line.end() == len(source):
                break
            continue
        entry = _ENTRY.match(line[0])
        number = _number(entry) if entry else None
        if numbers and gap >= _WIDE_GAP:
            break
        if number is not None and _follows(number, numbers):
            numbers.append(number)
            aside = 0
        elif not numbers or _begins_text(line["text"]):
            break
        elif gap and not line["indent"]:
            aside += 1
        aside += len(line["text"]) if aside else 0
        if aside > _LONGEST_ASIDE:
            break
        end = end if aside else line.end("text")
        gap = 0
    return _Entries(numbers=tuple(numbers), end=end) if numbers else None


def _is_numbered(source: str, position: int, entries: _Entries) -> bool:
    """Distinguish notes from a paragraph that begins with a number: "42 years ago"."""
    if len(entries.numbers) > 1 or entries.numbers[0] == 1:
        return True
    entry = _ENTRY.match(source, position)
    return entry is not None and not entry[0].strip().isdigit()


def _number(entry: re.Match[str]) -> int:
    text = next(text for text in entry.groups() if text)
    return int(text.translate(_SUPERSCRIPTS))


def _follows(number: int, numbers: Sequence[int]) -> bool:
    return not numbers or 0 < number - numbers[-1] <= _MOST_MISSING + 1


def _begins_text(line: str) -> bool:
    """Return whether a line is the heading of a chapter, which ends a list."""
    heading = read_heading(line.strip())
    return heading is not None and bool(heading.word)


def _next_list(source: str, position: int) -> int | None:
    """Return where entries begin: here, or below a short line for the next chapter."""
    titles = 0
    for line in _LINE.finditer(source, position):
        if not line["text"].strip():
            if line.end() == len(source):
                return None
            continue
        entry = _ENTRY.match(line[0])
        if entry is not None:
            return line.start() if not titles or _number(entry) == 1 else None
        titles += 1
        if titles > 1 or len(line["text"]) > _LONGEST_TITLE:
            return None
    return None


class _Figures:
    """Places of all figures in a text that may be references, by how they are written."""

    def __init__(self, source: str) -> None:
        self._places: list[dict[int, list[_Extent]]] = [_places(source, form) for form in _FORMS]

    def in_order(self, numbers: Sequence[int], start: int, end: int) -> list[_Extent]:
        """Return consecutive figures, in the form that has most of them."""
        rows = (_row(places, numbers, start, end) for places in self._places)
        return max(rows, key=len)


def _places(source: str, form: re.Pattern[str]) -> dict[int, list[_Extent]]:
    places: dict[int, list[_Extent]] = defaultdict(list)
    for match in form.finditer(source):
        raised = match["number"].translate(_SUPERSCRIPTS)
        is_power = (match[0][0] == "^" or raised != match["number"]) and takes_power(
            source[max(0, match.start() - _POWER) : match.start()]
        )
        if not is_power:
            places[int(raised)].append(match.span())
    return places


def _row(
    places: Mapping[int, Sequence[_Extent]], numbers: Sequence[int], start: int, end: int
) -> list[_Extent]:
    row: list[_Extent] = []
    for number in numbers:
        candidates = places.get(number, ())
        at = bisect_left(candidates, (start, 0))
        if at < len(candidates) and candidates[at][1] <= end:
            row.append(candidates[at])
            start = candidates[at][1]
    return row
