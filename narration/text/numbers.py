"""All figures that the other rules leave: counts, decimals, ordinals, irregular groups."""

import re

from narration.text.english import English
from narration.text.figures import NUMBER, START
from narration.text.numerals import cardinal, decimal, ordinal
from narration.text.rules import DIGITS, figure_rule, rule

_BOUNDS = {
    "<": "less than", ">": "more than", "≤": "at most", "≥": "at least", "<=": "at most",
    ">=": "at least",
}  # fmt: skip
_COMPARED = {
    "≤": "less than or equal to", "≥": "greater than or equal to",
    "<=": "less than or equal to", ">=": "greater than or equal to",
}  # fmt: skip
_ODD_DIGIT = re.compile(r"[^\D0-9]")


def fold_digits(text: str) -> str:
    """Convert decimal digits of other scripts to 0 to 9."""
    return text if text.isascii() else _ODD_DIGIT.sub(lambda m: str(int(m[0])), text)


def _decimal(match: re.Match[str], english: English) -> str:
    return decimal(match[0], english)


def _ordinal(match: re.Match[str], english: English) -> str:
    return ordinal(match["number"], english)


def _left(match: re.Match[str], english: English) -> str:
    """Read digits attached to letters or full stops (4x4, 1.2.3) separately."""
    before = f"{match['before']} " if match["before"] else ""
    after = f" {match['after']}" if match["after"] else ""
    return f"{before}{cardinal(match['digits'], english)}{after}"


def _bound(match: re.Match[str], _: English) -> str:
    """Read a bound: "<5 cases"; with a space after the sign it may also be a comparison."""
    sign = match["sign"]
    return f"{(_COMPARED if match['gap'] else _BOUNDS)[sign]} "


SIGNED = (
    # No operand before it: "x <5" is a comparison.
    rule(
        r"(?<![^\s(/\"'-])(?<![\d)] )(?<!\b[b-zB-HJ-Z] )(?P<sign>[<>]=|[≤≥]|[<>](?! ))(?P<gap> ?)"
        r"(?=[$£€]?\.?\d)",
        _bound,
        DIGITS,
        "<>≤≥",
    ),
    rule(r"(?:(?<=^)|(?<=[\s(\"?!;:]))-(?=[$£€]?\.?\d)", "minus ", DIGITS, "-"),
    rule(r"~ ?(?=[$£€]?\d)", "about ", DIGITS, "~"),
    rule(r"(?<!\w)#(?=\d)", "number ", DIGITS, "#"),
)
ORDINALS = (
    figure_rule(
        r"(?<![\w.])(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th|ST|ND|RD|TH)\b",
        _ordinal,
        "tdTD",
    ),
)
NUMBERS = (
    rule(r"[.:](?<=\d[.:])(?:(?<=:)|\.+)(?=\d)", " ", DIGITS, ".:"),
    figure_rule(rf"{START}{NUMBER}(?!\w|[.,]\d)", _decimal),
)
LEFT = (rule(r"(?P<before>[^\W\d_]?)(?P<digits>\d+)(?P<after>[^\W\d_]?)", _left, DIGITS),)
