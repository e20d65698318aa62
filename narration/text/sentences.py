"""Split a text into sentences that, joined, are the same text. English, and CJK stops."""

import re

from narration.text.abbreviation_tables import (
    ENDING,
    FIRST_NAMES,
    INNER,
    NUMBERED,
    STATES,
    TITLES,
)
from narration.text.abbreviations import follows_pronoun_word
from narration.text.calendar_words import MONTHS, WEEKDAYS
from narration.text.numerals import roman_value

# Each alternative is tried only at the first character of a run: a million dots take one pass.
_BREAK = re.compile(
    r"(?<![.!?…])(?<!\. )(?P<mark>(?:\. (?=\.)|[.!?…])++)(?P<close>[\"'”’»)\]*_]*+)(?P<space>\s++)"
    r"|(?<![。！？])[。！？]++[」』”]*+\s*+"  # full-width stops need no space after them
    r"|\n[^\S\n]*+\n\s*+"  # an empty line
)
_WORD_BEFORE = re.compile(r"[^\W_]*(?:\.[^\W_]+)*\Z")
_LONGEST_ABBREVIATION = 12
_OPENING = "\"'“‘«([*_—–- "
# With a capital, these begin a sentence; another word may be a name after an abbreviation.
_STARTERS = frozenset(
    (  # noqa: SIM905 - a page of quoted words would hide the rules
        "The A An He She It They We You I This That These Those There Then When While But And Or "
        "So If In On At As For From By His Her Its Their My Our Your What Who Why How Where No Yes "
        "Not Now After Before Once Here Mr Mrs"
    ).split(),
)
_NEVER = frozenset(
    {*TITLES, *INNER, *FIRST_NAMES, "St", "Ste", "ST", "v", "cit", "loc", "seq", "sqq"}
    | {title.upper() for title in TITLES}  # in a heading
)
_MONTHS_SHORT = frozenset({m[:3] for m in MONTHS} | {"Sept"}) - {"May"}
_BEFORE_NUMBER = (
    frozenset(NUMBERED)
    | _MONTHS_SHORT
    | {
        *(month.lower() for month in _MONTHS_SHORT - {"Mar", "Dec", "Jun"}),
        *(month.upper() for month in _MONTHS_SHORT),
        *(word.upper() for word in NUMBERED if len(word) > 1),
    }
)
_MAYBE = frozenset({*ENDING, *STATES, "A.D", "B.C"})
_HALF_DAYS = frozenset({"a.m", "p.m", "A.M", "P.M"})
# Capitalized words that may follow a.m. or p.m. inside a sentence.
_AFTER_HALF_DAY = frozenset(
    {*MONTHS, *WEEKDAYS.values(), "Eastern", "Pacific", "Central", "Mountain", "Greenwich", "GMT",
     "EST", "EDT", "PST", "PDT", "UTC", "BST"}
)  # fmt: skip
_NUMBER = re.compile(r"[A-Z]{0,3}-?\d|[IVXLC]{2,}\b|[IVXLC]\.,? [a-z]")
# A house number or an ordinal before it makes St. a street; a saint has neither.
_STREET_BEFORE = re.compile(
    r"(?:\b\d{1,5} (?:[A-Z][\w'-]+ ){1,3}|\b(?:First|Second|Third|Fourth|Fifth|Sixth|"
    r"Seventh|Eighth|"
    r"Ninth|Tenth|Main|High|Church|Elm|\d+(?:st|nd|rd|th)) )\Z"
)
_STREET_REACH = 48
_LIST_MARKER = re.compile(r"(?:\A *|[:;] +)\Z")
_COINS = re.compile(r"\d{1,2}s")  # 10s. 6d.
_NEXT_WORD = re.compile(r"[^\W\d_]+")


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences; white space between two belongs to the first."""
    sentences = []
    start = 0
    for match in _BREAK.finditer(text):
        end = match.end()
        if end < len(text) and _is_end(match, text, start):
            sentences.append(text[start:end])
            start = end
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def _is_end(match: re.Match[str], text: str, start: int) -> bool:
    mark = match["mark"]
    if mark is None or _has_empty_line(match["space"]):
        return True
    following = text[match.end() : match.end() + 40].lstrip(_OPENING)
    if following[:1].islower():
        return False
    if mark != ".":
        return bool(following.strip()) or bool(text[match.end() :].strip())
    return _is_full_stop(match, text, start, following)


def _is_full_stop(match: re.Match[str], text: str, start: int, following: str) -> bool:
    before = text[max(start, match.start() - _LONGEST_ABBREVIATION) : match.start()]
    word = _WORD_BEFORE.search(before)
    assert word is not None, "the pattern matches the empty word"
    first = match.start() - len(word[0])
    if word[0] in {"St", "Dr"} and _STREET_BEFORE.search(
        text, max(start, first - _STREET_REACH), first
    ):
        return _starts_sentence(following)
    if _is_list_marker(word[0], text[max(start, first - 3) : first], match["close"]):
        return False  # "1. The first", "in three: 1. Cats; 2. Dogs"
    if word[0] == "I" and follows_pronoun_word(text[start:first]):
        return True
    return _full_stop_ends(word[0], match["close"], following)


def _has_empty_line(space: str) -> bool:
    return space.count("\n") > 1


def _is_list_marker(word: str, before: str, close: str) -> bool:
    """Distinguish the number of a list item from a number that ends a sentence."""
    is_short = len(word) == 1 or (word.isdigit() and len(word) <= 3)
    return is_short and not close and _LIST_MARKER.search(before) is not None


def _is_volume(word: str) -> bool:
    """Return whether a word is the small numeral of a citation: "Acts ii. 3"."""
    return word.islower() and roman_value(word.upper()) is not None


def _starts_sentence(following: str) -> bool:
    match = _NEXT_WORD.match(following)
    return match is not None and match[0] in _STARTERS


def _full_stop_ends(word: str, close: str, following: str) -> bool:
    """Distinguish a full stop from the point of an abbreviation, an initial or a list number."""
    if word in _NEVER:
        return False
    if word in _BEFORE_NUMBER and _NUMBER.match(following):
        return False
    if following[:1].isdigit() and (_COINS.fullmatch(word) or _is_volume(word)):
        return False
    match = _NEXT_WORD.match(following)
    if word in _HALF_DAYS:
        return match is not None and match[0] not in _AFTER_HALF_DAY
    is_start = _starts_sentence(following)
    is_initial = len(word) == 1 and word.isupper()
    is_dotted = "." in word and all(len(part) == 1 for part in word.split("."))
    if word in _MAYBE or is_dotted or is_initial:
        return is_start or (bool(close) and not is_initial)
    return True
