"""What transcribers and editors insert into the text: notes, page numbers, pictures.

All brackets are paired in one pass, so that a text full of brackets takes no longer.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from narration.documents.marks import takes_power
from narration.documents.plain.lines import LONGEST_WRAP
from narration.documents.types import Skip, SkipReason

_LONGEST_NOTE = 20_000  # characters; footnotes of several pages exist
_LONGEST_MARK = 24
_CLOSING = frozenset(".,;:!?")
_BRACKET = re.compile(r"[\[\]{}]")
_CLOSES = {"]": "[", "}": "{"}
_PICTURES = (
    r"frontispiece|pictures?|images?|fig(?:ure)?s?\.?|plates?|maps?|decorations?|drawings?|cover|"
    r"music(?:al)?(?: notation)?|symbol|graphic|photo(?:graph)?s?|diagram|chart|colophon"
)
_KIND = re.compile(
    r"\[\s*_*(?:"
    rf"(?P<IMAGE>illustrations?\b|(?:{_PICTURES})(?: (?:text|caption))?"
    r"\s*[\dIVXLC]{0,5}_*\s*[:.\]])"
    r"|(?P<NOTE>(?:(?:foot|end)note|sidenote|side-note|marginal note)\b)"
    r"|(?P<PAGE_NUMBER>(?:pg|page|p)\b\.?\s*[\divxlc]{1,6}\s*\])"
    r"|(?P<BOILERPLATE>(?:transcri(?:ber|ption)|e-?text|e-?book|project gutenberg|proofreader)"
    r"['’]?s?['’]?(?: \w+(?:['’]s)?){0,2}\s*[:#.\]])"
    r")",
    re.IGNORECASE,
)
_NOTE_MARK = re.compile(
    r"\[(?:(?:note|fn|n\.?|nb)\s*)?(?:\d{1,3}[a-z]?(?:\s*[,;–-]\s*\d{1,3})*|[*†‡§¶#]{1,3})\]",
    re.IGNORECASE,
)
_BRACED = re.compile(r"\{(?:pg?\.? ?|page )?(?:\d{1,4}[a-z]?|[ivxlc]{1,6})\}", re.IGNORECASE)
_LETTER_MARK = re.compile(r"\[[A-Z]\]")
_NAME = r"[A-Z][\w'’-]+(?:(?: and | & | et al\.?,?)(?:[A-Z][\w'’-]+)?)?"
_CITATION = re.compile(
    rf"\[{_NAME},? (?:1[89]|20)\d\d[a-z]?(?:; {_NAME},? (?:1[89]|20)\d\d[a-z]?)*\]"
)
_MONTH = re.compile(r"\[(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)")
_NOTE_END = re.compile(
    r"(?:\r\n|[\r\n])[^\S\r\n]*+(?:(?=\r|\n)|(?=[\[{](?:\d{1,3}|[A-Z*†‡])[\]}]\s)"
    rf"|(?=[^\r\n]{{{LONGEST_WRAP + 1}}}))"
)
# A superscript number that became plain text: "it was late.1 Then he left."
_RAISED = re.compile(r"[.!?,;][\"”]?(\d{1,2})(?=\s+[A-Z\"“]|\s*\Z)")
_SUPERSCRIPT = re.compile(r"[¹²³⁰⁴-⁹]{1,3}(?=[\s.,;:!?”’\"')—–-]|\Z)")
_BEFORE_SUPERSCRIPT = re.compile(
    r"(?:[a-z]{3}|[^\W\d_][.,;:!?”’\"']|[.!?][”’\"']|1[5-9]\d\d|20\d\d)\Z"
)
_WORD_BEFORE = re.compile(r"(?<![A-Z\d.])[a-z]{4,}[)\]]?\Z")
_ABBREVIATED = re.compile(
    r"\b(?:pages?|notes?|vols?|nos?|figs?|chap|book|part|verse|plate|line|sect|matt|mark|luke|"
    r"john|acts|prov|psal)\Z",
    re.IGNORECASE,
)


def find_marks(source: str) -> list[Skip]:
    """Return all such insertions in a source, sorted and not overlapping."""
    marks = sorted(
        [*_bracketed(source), *_raised(source), *_superscripts(source)], key=lambda skip: skip.start
    )
    kept: list[Skip] = []
    for skip in marks:
        if not kept or skip.start >= kept[-1].end:
            kept.append(skip)
    return kept


def _bracketed(source: str) -> Iterator[Skip]:
    pairs = sorted(_pairs(source))
    inline = {
        source[start:end]
        for start, end in pairs
        if end - start < _LONGEST_MARK and not _opens_line(source, start)
    }
    position = 0
    for start, end in pairs:
        skip = _mark(source, start, end, inline) if start >= position else None
        if skip is not None:
            position = skip.end
            is_spaced = source[start - 1 : start] == " " and source[end : end + 1] in _CLOSING
            yield replace(skip, start=start - 1) if is_spaced and start else skip


def _mark(source: str, start: int, end: int, inline: set[str]) -> Skip | None:
    """Classify the contents of one pair of brackets, if they are not to be read."""
    kind = _KIND.match(source, start, end)
    if kind is not None and kind.lastgroup is not None:
        return Skip(start=start, end=end, reason=SkipReason[kind.lastgroup])
    if end - start < _LONGEST_MARK and _is_note_mark(source, start, end, inline):
        return _note_or_mark(source, start, end, inline)
    if _CITATION.fullmatch(source, start, end) and not _MONTH.match(source, start):
        return Skip(start=start, end=end, reason=SkipReason.NOTE_MARK)
    return None


def _is_note_mark(source: str, start: int, end: int, inline: set[str]) -> bool:
    if _NOTE_MARK.fullmatch(source, start, end) or _BRACED.fullmatch(source, start, end):
        return True
    if not _LETTER_MARK.fullmatch(source, start, end) or source[start:end] not in inline:
        return False
    return not source[end : end + 1].isalnum()  # otherwise a letter inserted by an editor: "[T]he"


def _note_or_mark(source: str, start: int, end: int, inline: set[str]) -> Skip:
    """Treat a reference that opens a paragraph as the note itself, if the text refers to it."""
    mark = source[start:end]
    opens = _opens_line(source, start)
    is_apart = source[end : end + 1].isspace() or not mark[1].isalpha()  # not "[A]nd"
    if opens and mark in inline and is_apart:
        stop = _NOTE_END.search(source, end, min(len(source), end + _LONGEST_NOTE))
        last = stop.start() if stop else min(len(source), end + _LONGEST_NOTE)
        return Skip(start=start, end=end + len(source[end:last].rstrip()), reason=SkipReason.NOTE)
    is_page = mark[0] == "{" and (opens or mark not in inline or mark[1] in "pP")
    reason = SkipReason.PAGE_NUMBER if is_page else SkipReason.NOTE_MARK
    return Skip(start=start, end=end, reason=reason)


def _opens_line(source: str, position: int) -> bool:
    before = source[max(0, position - _LONGEST_MARK) : position].rstrip(" \t")
    return before[-1:] in {"", "\n", "\r", "\f"}


def _pairs(source: str) -> Iterator[tuple[int, int]]:
    """Return matching brackets that are not too far apart."""
    opened: dict[str, list[int]] = {"[": [], "{": []}
    for match in _BRACKET.finditer(source):
        waiting = opened[_CLOSES.get(match[0], match[0])]
        if match[0] in opened:
            waiting.append(match.start())
        elif waiting:
            start = waiting.pop()
            if match.end() - start <= _LONGEST_NOTE:
                yield start, match.end()


def _superscripts(source: str) -> Iterator[Skip]:
    """Return superscript figures after words and years that are not powers."""
    for match in _SUPERSCRIPT.finditer(source):
        before = source[max(0, match.start() - _LONGEST_MARK) : match.start()]
        if _BEFORE_SUPERSCRIPT.search(before) and not takes_power(before):
            yield Skip(start=match.start(), end=match.end(), reason=SkipReason.NOTE_MARK)


def _raised(source: str) -> Iterator[Skip]:
    for match in _RAISED.finditer(source):
        word = source[max(0, match.start() - _LONGEST_MARK) : match.start()]
        if _WORD_BEFORE.search(word) and not _ABBREVIATED.search(word):
            yield Skip(start=match.start(1), end=match.end(1), reason=SkipReason.NOTE_MARK)
