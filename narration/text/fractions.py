"""Fractions and mixed numbers as words."""

import re

from narration.text.english import English
from narration.text.figures import START, text_before
from narration.text.numerals import cardinal, ordinal, plural
from narration.text.rules import DIGITS, figure_rule, rule

_HALVES = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
_LARGEST_NAMED = 100  # above this, "five over three hundred" is easier to follow than "hundredths"
_ARTICLE = re.compile(r"\b[Aa] \Z")
_IDIOMS = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty fifty",
           "20/20": "twenty twenty"}  # fmt: skip


def fraction(top: str, bottom: str, english: English) -> str:
    """Read a fraction: 3/4 -> three quarters, 1/2 -> one half, 5/365 -> five over ..."""
    if not 2 <= int(bottom) <= _LARGEST_NAMED or top.startswith("0") or bottom.startswith("0"):
        return f"{cardinal(top, english)} over {cardinal(bottom, english)}"
    one, many = _HALVES.get(bottom) or (ordinal(bottom, english), plural(ordinal(bottom, english)))
    return f"{cardinal(top, english)} {one if top == '1' else many}"


def mixed(whole: str, top: str, bottom: str, english: English) -> str:
    """Read a whole number and a fraction: 2 1/2 -> two and a half, 5 2/3 -> five and two thirds."""
    words = fraction(top, bottom, english)
    if top == "1" and bottom in _HALVES:
        words = f"a {_HALVES[bottom][0]}"
    joint = " " if " over " in words else " and "
    return f"{cardinal(whole, english)}{joint}{words}"


def number_or_mixed(text: str, english: English) -> str | None:
    """Read "2 1/2" or "1/2"; None if it contains no fraction."""
    top_and_whole, slash, bottom = text.partition("/")
    if not slash:
        return None
    whole, _, top = top_and_whole.replace("-", " ").rpartition(" ")
    return mixed(whole, top, bottom, english) if whole else fraction(top, bottom, english)


def _fraction(match: re.Match[str], english: English) -> str:
    whole, top, bottom = match["whole"], match["top"], match["bottom"]
    if whole:
        return mixed(whole, top, bottom, english)
    has_article = _ARTICLE.search(text_before(match, 3)) is not None
    if top == "1" and bottom in _HALVES and has_article:
        return _HALVES[bottom][0]  # a 1/2 mile walk
    return fraction(top, bottom, english)


FRACTIONS = (
    rule(
        rf"(?<![\w/.,])(?:{'|'.join(_IDIOMS)})(?![\w/]|\.\d)",
        lambda m, _: _IDIOMS[m[0]],
        DIGITS,
        "/",
    ),
    figure_rule(
        rf"{START}(?P<a>20|6)/(?P<b>\d{{1,3}})(?= (?:vision|eyesight|acuity)\b)",
        lambda m, e: f"{cardinal(m['a'], e)} {cardinal(m['b'], e)}",
        "/",
        words=("vision", "eyesight", "acuity"),
    ),
    figure_rule(
        rf"{START}(?<!/)(?:(?P<whole>\d{{1,4}})[ -])?(?P<top>\d{{1,5}}) ?/ ?(?P<bottom>\d{{1,5}})"
        r"(?:(?:st|nd|rd|th|ST|ND|RD|TH)s?)?(?![\w/]|\.\d)",
        _fraction,
        "/",
    ),
)
