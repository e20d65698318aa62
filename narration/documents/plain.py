"""Plain text -> chapters: hard-wrapped lines are one paragraph, chapter headings are found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from narration.documents.gather import Entry, Reading, gather_chapters
from narration.documents.types import Block, BlockKind, Run, Skip, SkipReason

_NUMBER = (
    r"(?:\d{1,3}|[IVXLC]+|[ivxlc]+|(?:the )?(?:one|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve|\w+teen|twenty|thirty|forty|fifty|first|second|third|fourth|fifth|sixth|"
    r"seventh|eighth|ninth|tenth|last)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)"
)
_CHAPTER = re.compile(
    r"(?:chapter|book|part|volume|act|scene|canto|stave|letter|section|appendix) "
    rf"{_NUMBER}(?:$|\.$|(?:[.:)]|\s*[—–-]+)\s+(?P<title>\S.*)$)"
    r"|(?:prologue|epilogue|preface|foreword|afterword|introduction|conclusion)\.?$",
    re.IGNORECASE,
)
_NUMERAL = re.compile(r"[IVXLC]+\.?$")
_LONGEST_HEADING = 80
_LONGEST_WRAP = 110  # a longer line was not wrapped by hand: it is a paragraph
_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_LIST_ITEM = re.compile(r"(?:[-*•–]|\d{1,3}[.)])\s+\S")
_NEWLINE = r"(?>\r\n|[\r\n\v\f\x85\u2028\u2029])"  # atomic: a CRLF is one
_LINE = re.compile(r"[^\r\n\v\f\x85\u2028\u2029]+")
_GAP = re.compile(rf"{_NEWLINE}\s*?{_NEWLINE}|\f")
_ILLUSTRATION = re.compile(r"\[Illustration[^\]]*\]")  # how Project Gutenberg marks them
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    start: int
    end: int
    text: str
    is_indented: bool


def read_plain(source: str) -> Reading:
    """Chapters of a plain text, and what is only ornament (a row of asterisks)."""
    entries: list[Entry] = []
    skips: list[Skip] = []
    awaits_title = False
    for lines in _groups(source):
        for part in _parts(lines):
            reason = _skip_reason(" ".join(line.text for line in part))
            if reason is not None:
                skips.append(Skip(start=part[0].start, end=part[-1].end, reason=reason))
                continue
            entry, awaits_title = _entry(part, awaits_title=awaits_title)
            entries.append(entry)
    return Reading(chapters=gather_chapters(entries), skips=tuple(skips))


def _skip_reason(text: str) -> SkipReason | None:
    if _ILLUSTRATION.fullmatch(text):
        return SkipReason.IMAGE
    return None if _WORD.search(text) else SkipReason.ORNAMENT


def _groups(source: str) -> Iterator[list[_Line]]:
    """Lines between empty lines."""
    group: list[_Line] = []
    for match in _LINE.finditer(source):
        text = match[0].strip()
        if not text:
            continue
        if group and _GAP.search(source, group[-1].end, match.start()):
            yield group
            group = []
        indent = len(match[0]) - len(match[0].lstrip())
        start = match.start() + indent
        group.append(_Line(start=start, end=start + len(text), text=text, is_indented=indent > 1))
    if group:
        yield group


def _parts(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Headings, list items and paragraphs inside a group, each as its lines."""
    is_wrapped = max(len(line.text) for line in lines) <= _LONGEST_WRAP
    part: list[_Line] = []
    for line in lines:
        if part and (not is_wrapped or _begins_part(part[-1], line)):
            yield part
            part = []
        part.append(line)
    yield part


def _begins_part(before: _Line, line: _Line) -> bool:
    if _is_chapter(before.text) or _is_chapter(line.text) or _LIST_ITEM.match(line.text):
        return True
    return line.is_indented and not before.is_indented and _ENDS.search(before.text) is not None


def _entry(lines: list[_Line], *, awaits_title: bool) -> tuple[Entry, bool]:
    """Make the entry for one part, and tell whether a chapter's title may follow it."""
    text = " ".join(line.text for line in lines)
    run = Run(start=lines[0].start, end=lines[-1].end)
    if len(lines) == 1 and (_is_chapter(text) or _NUMERAL.fullmatch(text)):
        found = _CHAPTER.match(text)
        is_bare = found is None or not found["title"]
        return Entry(block=Block(kind=BlockKind.HEADING, runs=(run,)), title=text), is_bare
    is_titled = _is_title(text) and (awaits_title or _is_capitals(text))
    block = Block(kind=BlockKind.HEADING if is_titled else BlockKind.PARAGRAPH, runs=(run,))
    return Entry(block=block, subtitle=text if is_titled and awaits_title else None), False


def _is_chapter(text: str) -> bool:
    if len(text) > _LONGEST_HEADING or not text[0].isupper():
        return False
    found = _CHAPTER.match(text)
    return found is not None and not (found["title"] and found["title"][0].islower())


def _is_title(text: str) -> bool:
    return len(text) <= _LONGEST_HEADING and not _ENDS.search(text) and text[0].isalnum()


def _is_capitals(text: str) -> bool:
    """Tell a line in capitals of two words or more; a single one may be somebody shouting."""
    return text.isupper() and " " in text
