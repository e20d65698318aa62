"""Notes of a plain text by their symbol, "* A beast.", and the references to them.

A paragraph is a note only if an unused reference with its symbol is above it: the items of a list
have no references.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from narration.documents.marks import takes_power
from narration.documents.plain.lines import LONGEST_WRAP
from narration.documents.types import Skip, SkipReason

_SIGN = r"(?:[*†‡§¶‖]{1,4}|\((?:\*{1,3}|[†‡])\)|[¹²³⁰⁴-⁹]{1,3}|\^\d{1,3})"
_MARK_END = r"(?=[\s,.;:!?)\"'”’—-]|\Z)"
_NO_MARK_BEFORE = frozenset("*†‡§¶‖([^¹²³⁰⁴⁵⁶⁷⁸⁹ \t\r\n\f")
_NOTE = re.compile(
    rf"^[^\S\r\n]*+(?P<sign>{_SIGN})(?P<space>[^\S\r\n]*+)(?=[^\s*†‡§¶‖])", re.MULTILINE
)
_LINE_END = re.compile(r"\r\n|[\r\n]")
_NOTE_END = re.compile(
    rf"(?:\r\n|[\r\n])[^\S\r\n]*+(?:(?=[\r\n])|(?={_SIGN}[^\S\r\n]*+[^\s*])|\Z"
    rf"|(?=[^\r\n]{{{LONGEST_WRAP + 1}}}))"
)
_RULE = re.compile(r"[-_=–—*\s]{3,}")
# A star after these is not a reference: "a 4* hotel", "the dual f*", "Lord B***".
_RATED = re.compile(r"(?:(?<![\w.,$£€])\d(?:[.,]\d)?|(?<![\w'’])[b-hj-z])\Z")
_LETTER = re.compile(r"(?<![^\W\d_])[^\W\d_]\Z")
_OPENS_EMPHASIS = re.compile(r"(?:^|[\s\"'“‘(—-])\*+(?=[^\s*])")
_FAR = 8_000  # characters from a reference to its note, at the foot of its page
_LONGEST_NOTE = 20_000
_LINE_BEFORE = 200
_MOST_WAITING = 50  # references with one symbol
_FULL_LINE = 45
_MOST_BETWEEN = 12  # characters: an empty line, and the margin
_POWER = 24  # characters before a superscript figure that may be its base


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """source[start:end] begins with a symbol where a paragraph may begin."""

    start: int
    end: int
    sign: str


def find_signed_notes(source: str) -> list[Skip]:
    """Return notes and their references, in order."""
    notes = list(_paragraphs(source))
    if not notes:
        return []
    marks = list(_marks(source, notes))
    skips: list[Skip] = []
    waiting: dict[str, list[tuple[int, int]]] = defaultdict(list)
    at = 0
    for row in _rows(notes):
        while at < len(marks) and marks[at][0] < row[0].start:
            start, sign, end = marks[at]
            waiting[sign].append((start, end))
            at += 1
        count = sum(not _continues(source, a, b) for a, b in zip([None, *row], row, strict=False))
        recent = waiting[row[0].sign][-_MOST_WAITING:]
        in_reach = [each for each in recent if each[0] > row[0].start - _FAR]
        waiting[row[0].sign] = [] if count <= len(in_reach) else in_reach
        if count <= len(in_reach):
            skips += [Skip(start=a, end=b, reason=SkipReason.NOTE_MARK) for a, b in in_reach]
            skips += [Skip(start=n.start, end=n.end, reason=SkipReason.NOTE) for n in row]
    return sorted(skips, key=lambda skip: skip.start)


def _paragraphs(source: str) -> Iterator[_Note]:
    """Return paragraphs that begin with a symbol, and lines right below such a paragraph."""
    last = -1
    for match in _NOTE.finditer(source):
        start = match.start("sign")
        if start < last or not (_opens(source, match.start()) or match.start() - last in {1, 2}):
            continue
        limit = min(len(source), start + _LONGEST_NOTE)
        stop = _NOTE_END.search(source, start, limit)
        last = stop.start() if stop else limit
        text = source[start:last].rstrip()
        is_emphasis = not match["space"] and text.endswith("*")
        if not is_emphasis and any(map(str.isalpha, text[:_LINE_BEFORE])):
            yield _Note(start=start, end=start + len(text), sign=match["sign"])


def _opens(source: str, start: int) -> bool:
    """Return whether an empty line or a rule is above the line that begins at an offset."""
    before = source[max(0, start - _LINE_BEFORE) : start]
    lines = _LINE_END.split(before)
    return len(lines) < 2 or not lines[-2].strip() or _RULE.fullmatch(lines[-2]) is not None


def _rows(notes: Sequence[_Note]) -> Iterator[list[_Note]]:
    """Group adjacent notes with one symbol: those of a page, or the items of a list."""
    row: list[_Note] = []
    for note in notes:
        if row and (note.sign != row[0].sign or note.start - row[-1].end > _MOST_BETWEEN):
            yield row
            row = []
        row.append(note)
    if row:
        yield row


def _continues(source: str, before: _Note | None, note: _Note) -> bool:
    """Return whether a note is a line of the one above that repeats the symbol in its margin."""
    if before is None or note.start - before.end > _MOST_BETWEEN:
        return False
    first = source[note.start : note.end].lstrip("*†‡ ")[:1]
    return first.islower() and before.end - before.start >= _FULL_LINE


def _marks(source: str, notes: Sequence[_Note]) -> Iterator[tuple[int, str, int]]:
    """Return symbols after words, outside of the notes: start, symbol and end of each."""
    starts = [note.start for note in notes]
    signs = sorted({note.sign for note in notes}, key=len, reverse=True)
    pattern = re.compile(f"(?:{'|'.join(map(re.escape, signs))}){_MARK_END}")
    for match in pattern.finditer(source):
        start, sign = match.start(), match[0]
        if not _stands_behind_word(source, start):
            continue
        at = bisect_left(starts, start + 1) - 1
        if at >= 0 and start < notes[at].end:
            continue
        before = source[max(0, start - _POWER) : start]
        if sign[0] in "¹²³⁰⁴⁵⁶⁷⁸⁹^" and takes_power(before):
            continue
        if sign[0] == "*" and (_is_no_mark(before, sign) or _closes_emphasis(source, start)):
            continue
        yield start, sign, match.end()


def _stands_behind_word(source: str, start: int) -> bool:
    """Return whether a symbol touches a word or a stop, as in "fox*"; in brackets it need not."""
    if source[start] == "(" and source[start - 1 : start] == " ":
        start -= 1
    return source[start - 1 : start] not in _NO_MARK_BEFORE and start > 0


def _is_no_mark(before: str, sign: str) -> bool:
    """Return whether stars belong to a hotel, a variable, or a name that is withheld."""
    return (_RATED if sign == "*" else _LETTER).search(before) is not None


def _closes_emphasis(source: str, start: int) -> bool:
    """Return whether a star is the second one of "*fox*"."""
    before = source[max(start - _LINE_BEFORE, 0) : start].rpartition("\n\n")[2]
    opened = [match.end() for match in _OPENS_EMPHASIS.finditer(before)]
    return bool(opened) and "*" not in before[opened[-1] :]
