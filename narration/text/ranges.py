"""Spans between two figures, and the minus that looks like one."""

import re

from narration.text.english import English
from narration.text.figures import NUMBER, SPAN, START
from narration.text.numerals import cardinal
from narration.text.rules import DIGITS, figure_rule, rule

_SHORT = 2  # digits: 5-4 is a score or a vote even though it falls; 978-0 is a code


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


def _years_apart(match: re.Match[str], _: English) -> str:
    return f"{cardinal(match['a'])} to {cardinal(match['b'])}"


RANGES = (
    rule(
        rf"(?<=\d)(?P<nth>st|nd|rd|th){SPAN}(?=\d+(?:st|nd|rd|th)\b)",
        lambda m, _: f"{m['nth']} to ",
        DIGITS,
        "-–",
    ),
    figure_rule(r"(?<=\bratio of )(?P<a>\d+):(?P<b>\d+)(?!\w)", _years_apart, ":"),
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
