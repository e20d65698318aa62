"""Superscript and linked figures: note references are skipped, powers are read."""

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
_YEAR = re.compile(r"(?<![\d.,])(?:1[5-9]\d\d|20\d\d)$")  # years are not raised to powers
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
# In addition to those without a vowel.
_UNITS = frozenset({"in", "yd", "mi", "ha", "au", "pc", "pi"})
# References within running text: "lit.[12]", "many [3, 4]", "lit.[a]".
WRITTEN = re.compile(
    r"(?<=[^\s\[(])\s?\[(?:\d{1,3}(?:\s?[,–-]\s?\d{1,3})*)\]|(?<=[^\s\[(])\[(?:[a-z]|[*†‡§]+)\]"
)
WRITTEN_PAGE = re.compile(r"\s?[\[{(](?:Pg|Page|p\.)\s?[\divxlc]{1,6}[\]})]", re.IGNORECASE)


def is_note_mark(text: str) -> bool:
    """Return whether a text is short enough for a note reference and has no other characters."""
    return _MARK.fullmatch(text) is not None


def is_linked_mark(text: str, before: str, *, is_raised: bool, is_marked: bool) -> bool:
    """Return whether a link with this text, after that text, leads to a note.

    `is_marked`: its class says so. A plain number is a reference only if it touches a word.
    """
    match = _MARK.fullmatch(text)
    if match is None:
        return False
    if is_raised or is_marked or match["sign"] or (match["open"] and match["close"]):
        return True
    return match["number"] is not None and before[-1:].strip() != ""


def is_raised_mark(text: str, before: str) -> bool:
    """Return whether unlinked superscript is a note reference; otherwise it is a power."""
    match = _MARK.fullmatch(text)
    if match is None or match["roman"]:
        return False
    if match["sign"] or match["open"]:
        return True
    if not before or before[-1].isspace():
        return match["number"] is not None and bool(before.strip())
    if match["letter"]:
        word = _BEFORE.search(before)
        return (word is not None and len(word[0]) > 2) or before[-1] in '.,;:!?”"’'
    return not takes_power(before)


def as_power(text: str) -> str | None:
    """Return superscript as Unicode superscript characters, where they exist."""
    return text.strip().translate(_RAISED) if _POWER.fullmatch(text) else None


def takes_power(before: str) -> bool:
    """Return whether a power may follow: after a variable, unit, number or closing bracket."""
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
