"""Which groups of lines are titles and not sentences, and where a title ends."""

import re
from collections.abc import Iterator, Sequence

from narration.documents.plain.headings import Heading, read_heading
from narration.documents.plain.lines import Group, Line, bare, is_wrapped

_LONGEST_TITLE = 160
_LONGEST_LINE = 80
_MOST_LINES = 3
_ENDS = re.compile(r"[.!?:;,…–—-][\"'”’»)\]_=*]*$")
_SENTENCE_ENDS = re.compile(r"[.!?…][\"'”’»)\]_=*]*$")
_DATED = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\b17[-—–]|\b\d{1,2}(?:st|nd|rd|th)\b"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|"
    r"December|Jan|Feb|Aug|Sept|Oct|Nov|Dec)\.? \d|\d\.? (?:January|February|March|April|May|June|"
    r"July|August|September|October|November|December)\b"
)
_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "but",
        "by",
        "for",
        "from",
        "in",
        "into",
        "nor",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
        "de",
        "la",
        "le",
        "du",
        "des",
        "von",
    ]
)


def is_title(group: Group) -> bool:
    """Return whether a group is a title below a heading: short, no sentence, no date, no speech."""
    text = group.text.strip("_=* ")
    if not text or len(text) > _LONGEST_TITLE or len(group.lines) > _MOST_LINES:
        return False
    if text.isupper() and any(map(str.isalpha, text)):
        return not text.endswith((",", ";", ":")) and not _DATED.search(text)
    if len(group.lines) > 1 or len(text) > _LONGEST_LINE:
        return False
    if not (text[0].isupper() or text[0].isdigit() or text[0] in "\"“'‘") or _DATED.search(text):
        return False
    return not _ENDS.search(text) or (_is_title_case(text) and not text.endswith((",", ";", ":")))


def is_capitals(text: str) -> bool:
    """Return whether a line is two or more words in capitals; a single one may be a shout."""
    return text.isupper() and " " in text and not text.endswith((",", ";"))


def is_sentence(group: Group) -> bool:
    """Distinguish prose or verse from lines that are isolated, as a name is."""
    return len(group.text) > _LONGEST_TITLE or (
        _SENTENCE_ENDS.search(group.text) is not None and not group.text.isupper()
    )


def split_headings(groups: Sequence[Group]) -> Iterator[Group]:
    """Split headings into separate groups where there is no empty line around them."""
    for group in groups:
        if len(group.lines) == 1:
            yield group
        elif not is_wrapped(group):  # each line is a paragraph, so a heading has its own line
            yield from _cut(group, range(1, len(group.lines)))
        else:
            yield from _split(group)


def _split(group: Group) -> Iterator[Group]:
    cuts: list[int] = []
    lines = group.lines
    for index, line in enumerate(lines):
        heading = _own_heading(line, index)
        if heading is None:
            continue
        before, rest = (
            lines[index - 1] if index else None,
            lines[index + 1 : index + _MOST_LINES + 2],
        )
        if before is not None and not _SENTENCE_ENDS.search(before.text):
            continue
        if rest and _own_heading(rest[0], index + 1) is not None:
            return (yield group)  # a list of headings
        cuts += [index, index + 1 if _is_prose(rest) or heading.title else index]
    yield from _cut(group, sorted(set(cuts) - {0, len(lines)}))


def _own_heading(line: Line, index: int) -> Heading | None:
    """Only a worded heading may be in the middle of lines; a bare number may begin them."""
    if not line.text[0].isupper() and not line.text[0].isdigit():
        return None
    heading = read_heading(line.text)
    if heading is None or heading.number is None:
        return None
    is_bare = not heading.word
    return None if is_bare and (index > 0 or heading.title) else heading


def _is_prose(lines: Sequence[Line]) -> bool:
    """Distinguish text that directly follows a heading from a title that does."""
    if not lines:
        return False
    text = " ".join(line.text for line in lines)
    if text.isupper():
        return False
    return (
        len(lines) > _MOST_LINES
        or len(text) > _LONGEST_TITLE
        or (_ENDS.search(text) is not None and not _is_title_case(text))
    )


def _cut(group: Group, cuts: Sequence[int]) -> Iterator[Group]:
    gap = group.gap
    for first, last in zip([0, *cuts], [*cuts, len(group.lines)], strict=True):
        lines = group.lines[first:last]
        yield Group(lines=lines, text=" ".join(line.text for line in lines), gap=gap)
        gap = 1


def _is_title_case(text: str) -> bool:
    words = [word.strip("\"'“”‘’_.,!?()") for word in text.split()]
    large_words = [word for word in words if word and word.lower() not in _SMALL]
    capitals = sum(not word[0].islower() for word in large_words)
    return (
        len(large_words) > 0
        and capitals * 10 >= len(large_words) * 9
        and not text.rstrip('"”').endswith("!")
    )


def clean_title(text: str) -> str:
    """Return a title for a list of chapters: one line, no emphasis, no full stop."""
    title = bare(text)
    if (
        title.endswith(".")
        and not title.endswith(("..", " etc.", " Esq."))
        and title.count(".") <= 2
    ):
        title = title[:-1]
    return title
