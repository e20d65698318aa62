"""Headings without a number that form a series: days, dates of a diary, capitals.

Each may also occur in a story, as a sign, a telegram, or the date of a letter. They divide a text
only if it begins with one, if there are several, and if each has text below it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from narration.documents.plain.lines import Group, bare
from narration.documents.plain.titles import is_sentence, is_title

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_DAY = "|".join(_DAYS)
_MONTH = "|".join([*_MONTHS, *(rf"{month[:3]}\.?" for month in _MONTHS), r"sept\.?"])
_HOUR = r"morning|evening|night|afternoon|noon|midnight"
_ORDINAL = r"(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>(?:1[3-9]|20)\d\d))?"
_WEEKDAY = re.compile(rf"(?:on )?(?P<day>{_DAY})(?:,? (?:the \w+|{_HOUR}))?[.:,]?", re.IGNORECASE)
_DATE = re.compile(
    rf"(?:[A-Z][\w .’'-]{{2,30}}, )?(?:(?i:{_DAY}),? )?(?:the )?"
    rf"(?:(?P<day>\d{{1,2}}){_ORDINAL}(?: of)? (?P<month>(?i:{_MONTH}))"
    rf"|(?P<month2>(?i:{_MONTH})) (?P<day2>\d{{1,2}}){_ORDINAL}){_YEAR}"
    rf"(?:,? (?i:{_HOUR}))?(?:[.,:;—–-]+ ?[A-Z][\w ,’'-]{{2,40}})?[.:,]?"
)
_ENTRY = re.compile(  # "3 May. Bistritz.--Left Munich at 8:35 P.M."
    rf"_*(?:(?i:{_DAY}),? )?(?:(?P<day>\d{{1,2}}){_ORDINAL}(?: of)? (?P<month>(?i:{_MONTH}))"
    rf"|(?P<month2>(?i:{_MONTH})) (?P<day2>\d{{1,2}}){_ORDINAL}){_YEAR}"
    rf"(?:,? (?i:{_HOUR}))?(?=[.:]|_* ?(?:--|—|–))"
)
_PERIOD = re.compile(
    rf"(?P<month>{_MONTH}){_YEAR}[.:]?|(?P<alone>(?:1[3-9]|20)\d\d)[.:]?", re.IGNORECASE
)
_CALLS = re.compile(r"[!?]|\bSTOP\b|^(?:THE END|FINIS)\b")
_LEAST = 3
_LEAST_DATED = 5  # entries of a diary with the date in the paragraph
_LEAST_BODY = 100  # characters below each
_MEAN_BODY = 250
_SPOKEN_BODY = 2_000  # characters; no stage speech is that long on average
_SHORT = 60
_MOST_LINES = 2
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How headings of one kind are recognized, and the relation of each to the next."""

    place: Callable[[Group], int | None]
    continues: Callable[[int, int], bool]


def find_series(groups: Sequence[Group], hidden: set[int], known: Sequence[int]) -> list[int]:
    """Return the headings that divide a text, if any; `known` begin chapters already."""
    texts = [i for i, group in enumerate(groups) if i not in hidden and _is_text(group)]
    if not texts:
        return []
    limit = texts[0] if not known or known[0] > texts[0] else len(groups)
    for kind in _KINDS:
        candidates = dict(_candidates(groups, hidden, kind))
        order = _without_title_page(groups, sorted(candidates))
        if len(order) < _LEAST or order[0] > limit:
            continue
        rising = sum(kind.continues(candidates[a], candidates[b]) for a, b in pairwise(order))
        if rising * 4 < (len(order) - 1) * 3:
            continue
        mean = _SPOKEN_BODY if _are_speakers(groups, order) else _MEAN_BODY
        if _are_filled(groups, order, hidden, mean):
            return order
    return []


def find_entries(groups: Sequence[Group], hidden: set[int]) -> dict[int, str]:
    """Return the paragraphs that begin the entries of a diary, with their dates.

    It is a diary only if its first paragraph is dated, and if the dates rarely go back.
    """
    entries = {
        index: entry
        for index, group in enumerate(groups)
        if index not in hidden and (entry := _ENTRY.match(group.text)) is not None
    }
    order = sorted(entries)
    first = next((i for i, g in enumerate(groups) if i not in hidden and _is_text(g)), None)
    if len(order) < _LEAST_DATED or first is None or order[0] > first:
        return {}
    places = [_place(entries[index]) for index in order]
    rising = sum(a <= b or _is_later(a, b) for a, b in pairwise(places))
    own = sum(len(groups[index].text) for index in order)
    below = sum(len(g.text) for i, g in enumerate(groups) if i > order[0] and i not in entries)
    if rising * 10 < (len(order) - 1) * 9 or own + below < _MEAN_BODY * len(order):
        return {}
    return {index: bare(entry[0]) for index, entry in entries.items()}


def _candidates(
    groups: Sequence[Group], hidden: set[int], kind: _Kind
) -> Iterator[tuple[int, int]]:
    for index, group in enumerate(groups[:-1]):
        if index in hidden or len(group.lines) > _MOST_LINES or len(group.text) > _LONGEST:
            continue
        before = groups[index - 1].text if index else ""
        is_introduced = before.rstrip("\"'”’")[-1:] in {":", ",", "—", "–", "-"}
        if is_introduced or (not group.gap and index):
            continue  # "The sign said:"
        place = kind.place(group)
        if place is not None:
            yield index, place


def _without_title_page(groups: Sequence[Group], order: list[int]) -> list[int]:
    """Drop the title of the work, which is followed by its author and not by text."""
    first = 0
    while first + 1 < len(order) and not any(
        map(_is_text, groups[order[first] + 1 : order[first + 1]])
    ):
        first += 1
    return order[first:]


def _are_speakers(groups: Sequence[Group], order: Sequence[int]) -> bool:
    """Distinguish speakers, who appear repeatedly, from names of chapters, which have more text."""
    return len({bare(groups[index].text) for index in order}) * 3 < len(order) * 2


def _are_filled(groups: Sequence[Group], order: Sequence[int], hidden: set[int], mean: int) -> bool:
    sizes = [
        sum(len(groups[i].text) for i in range(first + 1, last) if i not in hidden)
        for first, last in pairwise([*order, len(groups)])
    ]
    filled = sum(size >= _LEAST_BODY for size in sizes)
    return filled * 10 >= len(sizes) * 9 and sum(sizes) >= mean * len(sizes)


def _is_text(group: Group) -> bool:
    return len(group.text) > _SHORT and is_sentence(group)


def _weekday(group: Group) -> int | None:
    match = _WEEKDAY.fullmatch(bare(group.text))
    return _DAYS.index(match["day"].lower()) if match else None


def _date(group: Group) -> int | None:
    match = _DATE.fullmatch(bare(group.text))
    return None if match is None else _place(match)


def _place(match: re.Match[str]) -> int:
    """Return the days to a date, as if all months were of equal length."""
    months = int(match["year"] or 0) * len(_MONTHS) + _month(match["month"] or match["month2"])
    return months * 31 + int(match["day"] or match["day2"])


def _period(group: Group) -> int | None:
    match = _PERIOD.fullmatch(bare(group.text))
    if match is None:
        return None
    if match["alone"]:
        return int(match["alone"])
    return int(match["year"] or 0) * len(_MONTHS) + _month(match["month"])


def _month(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS) if month.startswith(name.lower()[:3]))


def _capitals(group: Group) -> int | None:
    text = bare(group.text)
    is_word = sum(map(str.isalpha, text)) > 2
    return 0 if text.isupper() and is_word and is_title(group) and not _CALLS.search(text) else None


def _is_later(first: int, second: int) -> bool:
    """Return whether a date is later; a year may end between two."""
    return first < second or second - first < -6 * 31


_KINDS = (
    _Kind(place=_date, continues=_is_later),
    _Kind(place=_weekday, continues=lambda first, second: first <= second or second == 0),
    _Kind(place=_period, continues=lambda first, second: first < second or second == 0),
    _Kind(place=_capitals, continues=lambda _first, _second: True),
)
