"""Raised and linked figures: marks of notes, which are not read, and powers, which are."""

import re

_MARK = re.compile(
    r"\s*(?P<open>[\[({])?\s*(?:(?:note|fn|n)\.?\s*)?"
    r"(?:(?P<number>\d{1,4}(?:\s?[,–-]\s?\d{1,4})*)|(?P<sign>[*†‡§¶‖#⁎∗]{1,6})|(?P<letter>[a-z])|"
    r"(?P<roman>[ivxl]{2,6}))"
    r"\s*(?P<close>[\])}.])?\s*",
    re.IGNORECASE,
)
_POWER = re.compile(r"\s*[+\-−–]?(?:\d{1,3}|[nmkxy])\s*")
_RAISED = str.maketrans("0123456789+-−–nmkxy", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿᵐᵏˣʸ")
_BEFORE = re.compile(r"[^\W\d_]+$")
_YEAR = re.compile(r"(?<![\d.,])(?:1[5-9]\d\d|20\d\d)$")  # nobody raises one to a power
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_UNITS = frozenset({"in", "yd", "mi", "ha", "au", "pc", "pi"})  # besides those without a vowel
# Marks written into running text: "lit.[12]", "many [3, 4]", "lit.[a]".
WRITTEN = re.compile(
    r"(?<=[^\s\[(])\s?\[(?:\d{1,3}(?:\s?[,–-]\s?\d{1,3})*)\]|(?<=[^\s\[(])\[(?:[a-z]|[*†‡§]+)\]"
)
WRITTEN_PAGE = re.compile(r"\s?[\[{(](?:Pg|Page|p\.)\s?[\divxlc]{1,6}[\]})]", re.IGNORECASE)


def is_note_mark(text: str) -> bool:
    """Tell whether a text is as short as the mark of a note is, and made of the same signs."""
    return _MARK.fullmatch(text) is not None


def is_linked_mark(text: str, before: str, *, is_raised: bool, is_marked: bool) -> bool:
    """Tell whether a link with such a text, after such a text, leads to a note.

    `is_marked`: its class says so. A bare figure is a mark only where it touches a word.
    """
    found = _MARK.fullmatch(text)
    if found is None:
        return False
    if is_raised or is_marked or found["sign"] or (found["open"] and found["close"]):
        return True
    return found["number"] is not None and before[-1:].strip() != ""


def is_raised_mark(text: str, before: str) -> bool:
    """Tell whether raised text that is no link is the mark of a note; else it is a power."""
    found = _MARK.fullmatch(text)
    if found is None or found["roman"]:
        return False
    if found["sign"] or found["open"]:
        return True
    if not before or before[-1].isspace():
        return found["number"] is not None and bool(before.strip())
    if found["letter"]:
        word = _BEFORE.search(before)
        return (word is not None and len(word[0]) > 2) or before[-1] in '.,;:!?”"’'
    return not takes_power(before)


def as_power(text: str) -> str | None:
    """Write raised text with the characters for it, where there are some."""
    return text.strip().translate(_RAISED) if _POWER.fullmatch(text) else None


def takes_power(before: str) -> bool:
    """Tell a variable, a unit, a number or a closed bracket from a word and its punctuation."""
    if not before or _YEAR.search(before[-6:]):
        return False
    if before[-1].isdigit() or before[-1] == ")":
        return True
    word = _BEFORE.search(before)
    if word is None:
        return False
    name = word[0]
    if len(name) == 1:
        return name != "I"
    return len(name) <= 3 and (_VOWEL.search(name) is None or name.lower() in _UNITS)
