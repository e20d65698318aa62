"""Pounds, shillings, pence and guineas as words, as in British books before 1971."""

import re

from narration.text.calendar_words import MONTH
from narration.text.english import English
from narration.text.figures import START, is_attributive, keep_stop, text_before
from narration.text.fractions import number_or_mixed
from narration.text.numerals import cardinal, ordinal
from narration.text.rules import DIGITS, figure_rule, rule

_REACH = 16  # characters before a figure that distinguish money from a plural or an ordinal
_MOST_PENCE = 11  # twelve make a shilling
_DECADE_BEFORE = re.compile(
    r"(?:\b(?:the|mid|early|late|his|her|their|my|in)[ -]"
    r"|\d0s(?:,|,? (?:and|or|to)) )'?\Z",  # the 1970s and 80s
    re.IGNORECASE,
)
_COUNT_BEFORE = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|many|all|no|some|your|my) \Z",
    re.IGNORECASE,
)
_UNIT_AFTER = re.compile(r" (?:[A-Z]|of\b|regiment|battalion|inst)")
_THE_BEFORE = re.compile(rf"(?:\b(?:[Tt]he|[Hh]is|[Hh]er|and) |{MONTH} )\Z")
# Where a price is likelier than a fraction: "cost 2/6", "at 7/6 each".
_PRICE_BEFORE = re.compile(
    r"\b(?:costs?|costing|pay|pays|paid|paying|prices?(?: (?:is|was|of))?|priced at|charged?|"
    r"charges|worth|fare(?: (?:is|was|of))|(?:sold|bought|sells|going)(?: \w+)? (?:for|at))"
    r"(?: (?:him|her|me|us|them|you|only|about|just))? \Z",
    re.IGNORECASE,
)
_PRICE_AFTER = re.compile(
    r" (?:each|apiece|per|a (?:head|pound|lb|yard|dozen|piece|pair|week|day|month|year|night|"
    r"bottle|copy|ticket|ton|hundred|quarter|gallon|pint|time))\b"
)
_PART_AFTER = re.compile(r" (?:of|as|the|less|more|off|price)\b|%")
_PARTS = frozenset({"2", "3", "4", "5", "8", "10"})  # as the lower figure they form a fraction
_PRICE_REACH = 32
# Words that a text with a price contains; searching for plain words is faster.
_PRICE_WORDS = (
    "cost", "pay", "paid", "pric", "Pric", "charge", "worth", "fare", " for ", " at ", "each",
    "apiece", " per ", " a ",
)  # fmt: skip


def _shillings(match: re.Match[str], english: English) -> str:
    """Read 12s. as money, but not a plural at the end of a sentence: "in the 80s.", "three 9s."."""
    figure = match["shillings"]
    if _COUNT_BEFORE.search(text_before(match, _REACH)):
        return match[0]
    if figure[-1] == "0" and _DECADE_BEFORE.search(text_before(match, _REACH)):
        return match[0]
    return _old_money(match, english)


def _pence(match: re.Match[str], english: English) -> str:
    """Read 6d. as money, but not 22d and "the 3d", which were used as ordinals."""
    figure = match["pence"]
    is_ordinal = (
        figure[-1] in "23"
        and "/" not in figure
        and (
            int(figure) > _MOST_PENCE
            or _THE_BEFORE.search(text_before(match, _REACH)) is not None
            or _UNIT_AFTER.match(match.string, match.end()) is not None
        )
    )
    if is_ordinal and not match[0].endswith("."):
        return ordinal(figure, english)
    return _old_money(match, english)


def _price(match: re.Match[str], english: English) -> str:
    """Read 2/6 as shillings and pence where the context is a price."""
    shillings, pence = match["shillings"], match["pence"]
    before = text_before(match, _PRICE_REACH)
    is_sold_by = _PRICE_AFTER.match(match.string, match.end()) is not None
    if int(shillings) < int(pence) and pence in _PARTS:  # "they paid 1/3 each"
        is_price = is_sold_by and before.endswith(" at ")
    else:
        is_price = is_sold_by or _PRICE_BEFORE.search(before) is not None
    if not is_price or _PART_AFTER.match(match.string, match.end()):
        return match[0]
    return _old_money(match, english)


def _guineas(match: re.Match[str], english: English) -> str:
    is_one = match["number"] == "1" or is_attributive(match)
    words = f"{cardinal(match['number'], english)} guinea{'' if is_one else 's'}"
    return keep_stop(match, words)


def _old_money(match: re.Match[str], english: English) -> str:
    parts: list[str] = []
    is_noun = is_attributive(match)
    for group, one, many in (
        ("pounds", "pound", "pounds"),
        ("shillings", "shilling", "shillings"),
        ("pence", "penny", "pence"),
    ):
        figure = match.groupdict().get(group)
        if figure:
            words = number_or_mixed(figure, english) or cardinal(figure, english)
            parts.append(f"{words} {one if words == 'one' or is_noun else many}")
    return keep_stop(match, " ".join(parts))


_FRACTION = r"(?: \d{1,2}/\d{1,2})?"
_PENCE = rf"(?P<pence>\d{{1,2}}{_FRACTION}|\d/\d)d(?![\w/])\.?"
_JOINT = r"[.:,]? ?"  # 4s. 6d., 4s:6d.

# Applied before dates, which would take 10s as a decade.
OLD_MONEY = (
    rule(
        rf"£ ?(?P<pounds>\d{{1,3}}(?:,\d{{3}})+|\d+)(?: ?l)?{_JOINT}(?P<shillings>\d{{1,2}})s"
        r"(?!\w)\.?"
        rf"(?:{_JOINT}(?:and )?{_PENCE})?",
        _old_money,
        DIGITS,
        "£",
        "s",
    ),
    rule(
        rf"£ ?(?P<pounds>\d{{1,3}}(?:,\d{{3}})+|\d+):(?P<shillings>\d{{1,2}}):"
        rf"(?P<pence>\d{{1,2}}{_FRACTION})"
        r"(?![\d:/])d?\b\.?",
        _old_money,
        DIGITS,
        "£",
        ":",
    ),
    rule(
        r"£ ?(?P<pounds>\d{1,3}(?:,\d{3})+|\d+)/(?P<shillings>1?\d)/"
        r"(?:(?P<pence>1[01]|\d)d?(?![\w/])|-(?!\w))",
        _old_money,
        DIGITS,
        "£",
        "/",
    ),
    figure_rule(rf"{START}(?P<shillings>\d{{1,3}})/[-=](?![\w/=])", _old_money, "/", "-="),
    figure_rule(
        rf"{START}(?!(?:[13]/4|1/2)d)(?P<shillings>\d{{1,3}})/(?P<pence>1[01]|\d)d(?![\w/])\.?",
        _old_money,
        "/",
        "d",
    ),
    figure_rule(
        rf"{START}(?!24/7)(?P<shillings>[1-9]\d?)/(?P<pence>1[01]|[1-9])(?![\w/-]|[.,]\d)",
        _price,
        "/",
        words=_PRICE_WORDS,
    ),
    figure_rule(
        rf"{START}(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d+) ?gns?\b\.?", _guineas, words=("gn",)
    ),
    figure_rule(
        rf"{START}(?P<pounds>\d+)l\.?{_JOINT}(?P<shillings>\d{{1,2}})s(?!\w)\.?"
        rf"(?:{_JOINT}{_PENCE})?",
        _old_money,
        "l",
        "s",
    ),
    figure_rule(
        rf"{START}(?P<shillings>\d{{1,3}})"
        rf"s\.?{_JOINT}(?:and )?{_PENCE}",
        _old_money,
        "s",
        "d",
    ),
    figure_rule(rf"{START}(?<!-)(?P<shillings>\d{{1,3}})s\.", _shillings, "s"),
    figure_rule(
        rf"{START}(?<!-)(?P<shillings>\d{{1,2}})s"
        r"(?= (?:a|an|per|each|apiece)\b)",
        _old_money,
        "s",
    ),
    figure_rule(rf"{START}{_PENCE}", _pence, "d"),
)
