"""Sentences of a text, so cut that joined they are the text again. English, and CJK stops."""

import re

from narration.text.abbreviations import ENDING, INNER, NUMBERED, TITLES

# Each alternative is tried at the first character of a run only: a million dots take one pass.
_BREAK = re.compile(
    r"(?<![.!?…])(?<!\. )(?P<mark>(?:\. (?=\.)|[.!?…])++)(?P<close>[\"'”’»)\]*_]*+)(?P<space>\s++)"
    r"|(?<![。！？])[。！？]++[」』”]*+\s*+"  # full-width stops need no space after them
    r"|\n[^\S\n]*+\n\s*+"  # an empty line
)
_WORD_BEFORE = re.compile(r"[^\W_]*(?:\.[^\W_]+)*\Z")
_LONGEST_ABBREVIATION = 12
_OPENING = "\"'“‘«([*_—–- "
# A capital here begins a sentence; elsewhere it may be a name after an abbreviation.
_STARTERS = frozenset(
    (  # noqa: SIM905 - a page of quoted words would hide the rules
        "The A An He She It They We You I This That These Those There Then When While But And Or "
        "So If In On At As For From By His Her Its Their My Our Your What Who Why How Where No Yes "
        "Not Now After Before Once Here Mr Mrs"
    ).split(),
)
_NEVER = frozenset({*TITLES, *INNER, "St", "Ste", "Messrs"})
_BEFORE_NUMBER = frozenset(NUMBERED)
_MAYBE = frozenset({*ENDING, "a.m", "p.m", "A.M", "P.M", "A.D", "B.C"})
_NUMBER = re.compile(r"\d|[IVXLC]{2,}\b")
_COINS = re.compile(r"\d{1,2}s")  # 10s. 6d.
_NEXT_WORD = re.compile(r"[^\W\d_]+")


def split_sentences(text: str) -> list[str]:
    """Cut a text into sentences; the white space between two belongs to the first."""
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
    before = text[max(start, match.start() - _LONGEST_ABBREVIATION) : match.start()]
    word = _WORD_BEFORE.search(before)
    assert word is not None, "the pattern matches the empty word"
    is_first = match.start() - len(word[0]) == start
    return _full_stop_ends(word[0], match["close"], following, is_first=is_first)


def _has_empty_line(space: str) -> bool:
    return space.count("\n") > 1


def _full_stop_ends(word: str, close: str, following: str, *, is_first: bool) -> bool:
    """Tell a full stop from the point of an abbreviation, an initial or a list number."""
    if word in _NEVER:
        return False
    if word in _BEFORE_NUMBER and _NUMBER.match(following):
        return False
    if _COINS.fullmatch(word) and following[:1].isdigit():
        return False
    if is_first and (word.isdigit() or len(word) == 1) and not close:
        return False  # "1. The first", "A. The other"
    found = _NEXT_WORD.match(following)
    is_start = found is not None and found[0] in _STARTERS
    is_initial = len(word) == 1 and word.isupper()
    is_dotted = "." in word and all(len(part) == 1 for part in word.split("."))
    if word in _MAYBE or is_dotted or is_initial:
        return is_start or (bool(close) and not is_initial)
    return True
