"""Ranges between two figures, and the minus sign that looks like one."""

import re

from narration.text.english import English
from narration.text.figures import NUMBER, SPAN, START, text_before
from narration.text.numerals import cardinal
from narration.text.rules import DIGITS, figure_rule, rule

_REACH = 32
_PROPORTION_BEFORE = re.compile(
    r"\b(?:ratio|odds|scale|proportions?|diluted|mixed)\b[^.;:]{0,16}\Z", re.IGNORECASE
)
_PROPORTION_AFTER = re.compile(r" (?:ratio|odds|scale|proportion|dilution|mix|mixture)\b")
_SHORT = 2  # digits: 5-4 is a score or a vote although it decreases; 978-0 is a code


def _value(text: str) -> float:
    return float(text.replace(",", ""))


def _span(match: re.Match[str], _: English) -> str:
    first, second = match["a"], match["b"]
    is_rising = _value(first) < _value(second)
    if " " in match["dash"] and not is_rising:
        return match[0]
    if is_rising or max(len(first), len(second)) <= _SHORT:
        return f"{first} to {second}"
    return f"{first} {second}"


def _proportion(match: re.Match[str], english: English) -> str:
    is_one = _PROPORTION_AFTER.match(match.string, match.end()) or _PROPORTION_BEFORE.search(
        text_before(match, _REACH)
    )
    if not is_one:
        return match[0]
    return f"{cardinal(match['a'], english)} to {cardinal(match['b'], english)}"


# Applied before times of day, because 1:50 may also be a scale.
PROPORTIONS = (
    figure_rule(
        rf"{START}(?<!:)(?P<a>\d+):(?P<b>\d+)(?![\w:])",
        _proportion,
        ":",
        words=("atio", "odds", "scale", "ropor", "ilut", "mix"),
    ),
)
# Figure 4 of chapter 3, not a range, which would be "Figures 4-7".
NUMBERED = (
    rule(
        r"(?P<thing>\b(?:Listing|Figure|Table|Example|Exhibit|Equation|Form|Plate|Map|Diagram) )"
        r"(?P<a>\d{1,3})[-–](?P<b>\d{1,3})(?![\w-]|\.\d)",
        lambda m, e: f"{m['thing']}{cardinal(m['a'], e)} dash {cardinal(m['b'], e)}",
        DIGITS,
        "-–",
    ),
)
RANGES = (
    rule(
        rf"(?<=\d)(?P<nth>st|nd|rd|th){SPAN}(?=\d+(?:st|nd|rd|th)\b)",
        lambda m, _: f"{m['nth']} to ",
        DIGITS,
        "-–",
    ),
    figure_rule(
        rf"{START}(?<!-)(?P<a>{NUMBER})(?P<dash>{SPAN})(?P<b>{NUMBER})(?![\w-]|"
        r"\.\d)(?! ?[=×*/+]|,\d)",
        _span,
        "-–",
    ),
)
MINUS = (
    rule(r"(?<=\d) (?P<sign>[-–]) (?=\d)", " minus ", DIGITS, "-–"),
    rule(r"(?<=\d) (?P<sign>/) (?=\d)", " divided by ", DIGITS, "/"),
)
