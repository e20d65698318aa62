"""Numbers left over from a printed page in a plain text: page numbers, and line numbers of verse.

Their form is the same as that of a chapter's number. But they rise through the text, and appear
where a page ended, which is rarely where a sentence ends.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from narration.documents.types import Skip, SkipReason

_LINE = re.compile(r"[^\r\n\v\f\x85\u2028\u2029]+")
_NUMBER = re.compile(
    r"(?P<bare>\d{1,4})"
    r"|(?P<dashed>[-–—~*|\[(<] ?(?P<inner>\d{1,4}) ?[-–—~*|\])>])"
    r"|(?P<named>(?i:pages?|pg?\.?) ?(?P<page>\d{1,4})(?: ?(?:of|/) ?\d{1,4})?)"
    r"|(?P<counted>(?P<first>\d{1,4}) ?(?:of|/) ?\d{1,4})"
)
_FORMS = ("bare", "dashed", "named", "counted")
_SENTENCE_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]_*]*$")
_LETTER = re.compile(r"[^\W\d_]")
_TAIL = 16  # characters of a line in which its sentence ends
_SHORTEST_LINE = 30  # characters; verse has shorter ones, which end without a stop
_MOST_MISSING = 2  # consecutive pages without a number, as at the beginning of chapters
_FIRST_PAGE, _LAST_PAGE = 10, 999  # no chapter begins with these numbers, and no year
_LONGEST_PAGE = 6_000  # characters
_LEAST_PAGES = 3  # if no sentence is cut: fewer may come from a table of contents
_STEPS = (5, 10)
_MOST_EXTRA = 2  # lines between two numbers that are not counted: headings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A line that may be a page number, and whether a sentence continues across it."""

    start: int
    end: int
    value: int
    form: str
    is_broken: bool
    ends_page: bool


def find_page_numbers(source: str, skips: Sequence[Skip]) -> list[Skip]:
    """Return the numbers of pages and lines; `skips` are known, sorted, and do not overlap."""
    lines = list(_seen_lines(source, skips))
    chains = _chains(_places(source, lines))
    numbers = [
        Skip(start=place.start, end=place.end, reason=SkipReason.PAGE_NUMBER)
        for chain in chains
        if _are_pages(chain)
        for place in chain
    ]
    return sorted([*numbers, *_line_numbers(source, lines)], key=lambda skip: skip.start)


def continues(before: str, after: str) -> bool:
    """Return whether a sentence interrupted by the end of a page continues after it."""
    return _SENTENCE_ENDS.search(before[-_TAIL:]) is None and (
        after[:1].islower() or (before[-1:] in {",", "-"} and len(before) >= _SHORTEST_LINE)
    )


def _seen_lines(source: str, skips: Sequence[Skip]) -> Iterator[tuple[int, int]]:
    """Return non-empty lines that no skip touches, without surrounding white space."""
    position = 0
    for match in _LINE.finditer(source):
        text = match[0].strip()
        if not text:
            continue
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        end = start + len(text)
        while position < len(skips) and skips[position].end <= start:
            position += 1
        if position == len(skips) or skips[position].start >= end:
            yield start, end


def _places(source: str, lines: Sequence[tuple[int, int]]) -> Iterator[_Place]:
    """Return numbers on separate lines between two lines of text."""
    ends = [(0, 0), *lines, (len(source), len(source))]
    for before, (start, end), after in zip(ends, ends[1:], ends[2:], strict=False):
        match = _NUMBER.fullmatch(source, start, end)
        if match is None or match.lastgroup is None:
            continue
        above, below = source[slice(*before)], source[slice(*after)]
        digits = match["bare"] or match["inner"] or match["page"] or match["first"]
        form = next(name for name in _FORMS if match[name])
        yield _Place(
            start=start,
            end=end,
            value=int(digits),
            form=form,
            is_broken=len(above) >= _SHORTEST_LINE and continues(above, below),
            ends_page="\f" in source[end : after[0]],
        )


def _chains(places: Iterator[_Place]) -> list[list[_Place]]:
    """Return rows of numbers that rise by one, or by little more in the same form."""
    chains: list[list[_Place]] = []
    latest: dict[tuple[str, int], list[_Place]] = {}
    for place in places:
        steps = range(1, 2 + _MOST_MISSING)
        keys = [(place.form, place.value - step) for step in steps]
        keys += [(form, place.value - 1) for form in _FORMS]
        chain = next((latest.pop(key) for key in keys if key in latest), None)
        if chain is None:
            chain = []
            chains.append(chain)
        chain.append(place)
        latest[place.form, place.value] = chain
    return chains


def _are_pages(chain: Sequence[_Place]) -> bool:
    """Distinguish page numbers from those of chapters, years and stanzas."""
    broken = sum(place.is_broken for place in chain)
    if len(chain) == 1:
        return broken == 1 and chain[0].form != "bare"
    if broken * 4 >= len(chain) or all(place.form in {"named", "counted"} for place in chain):
        return True
    if sum(place.ends_page for place in chain) * 2 > len(chain):
        return True
    is_close = all(b.start - a.end <= _LONGEST_PAGE for a, b in pairwise(chain))
    is_page = chain[0].value >= _FIRST_PAGE and chain[-1].value <= _LAST_PAGE
    return is_close and is_page and len(chain) >= _LEAST_PAGES


def _line_numbers(source: str, lines: Sequence[tuple[int, int]]) -> Iterator[Skip]:
    """Return every fifth or tenth number at the end of a line, if that many lines lie between."""
    numbered: list[tuple[int, int, int, int]] = []  # line, value, start, end
    for index, (start, end) in enumerate(lines):
        text = source[start:end]
        words = text.rstrip("0123456789")
        is_apart = words.endswith(("  ", "\t", "\u2003"))
        if is_apart and 0 < len(text) - len(words) <= 4 and _LETTER.search(words):
            numbered.append((index, int(text[len(words) :]), start + len(words), end))
    line_numbers: set[int] = set()
    for at, (first, second) in enumerate(pairwise(numbered)):
        step = second[1] - first[1]
        apart = second[0] - first[0]
        if step in _STEPS and first[1] % step == 0 and 0 <= apart - step <= _MOST_EXTRA:
            line_numbers |= {at, at + 1}
    for at in sorted(line_numbers):
        yield Skip(start=numbered[at][2], end=numbered[at][3], reason=SkipReason.LINE_NUMBER)
