"""Dates as words, in all the usual notations."""

import re

from narration.text.calendar_words import (
    DAY,
    MONTH,
    MONTHS,
    SHORT_MONTHS,
    WEEKDAYS,
    YEAR,
    day_number,
    full_year,
    month_name,
    say_date,
    say_day,
)
from narration.text.english import English
from narration.text.figures import keep_stop
from narration.text.numerals import cardinal, in_pairs, ordinal, year
from narration.text.rules import DIGITS, figure_rule, rule

_NTH = r"(?:st|nd|rd|th|ST|ND|RD|TH)?"
_MONTHS_LAST = 12


def _year_tail(match: re.Match[str], english: English) -> str:
    digits = match["year"]
    return f", {year(digits, english)}" if digits else ""


def _joint(match: re.Match[str]) -> str:
    """Return the words between two days: a dash is "to"."""
    word = match["dash"].strip(" -–").removesuffix(" the")
    return f" {word or 'to'} "


def _month_day(match: re.Match[str], english: English) -> str:
    month, day = month_name(match["month"]), match["day"]
    if english is English.BRITISH:
        words = f"{month} the {ordinal(str(int(day)))}"
        last = f"{_joint(match)}the {ordinal(match['last'])}" if match["last"] else ""
    else:
        words = say_day(month, day, english)
        last = f"{_joint(match)}{ordinal(match['last'])}" if match["last"] else ""
    return f"{words}{last}{_year_tail(match, english)}"


def _day_month(match: re.Match[str], english: English) -> str:
    has_article = match.string.endswith(("the ", "The "), 0, match.start())
    article = "" if has_article else ("the " if match.start() else "The ")
    is_verb = match["month"] in {"May", "March"} and not (match["of"] or match["year"])
    if is_verb and re.match(r" [a-z]", match.string[match.end() :]) and not match["last"]:
        return match[0]  # "of the 5 May find out"
    days = ordinal(day_number(match["day"]))
    if match["last"]:
        days = f"{days}{_joint(match)}the {ordinal(day_number(match['last']))}"
    return f"{article}{days} of {month_name(match['month'])}{_year_tail(match, english)}"


def _iso(match: re.Match[str], english: English) -> str:
    month = int(match["month"])
    if not 1 <= month <= _MONTHS_LAST:
        return match[0]
    return say_date(month, match["day"], match["year"], english)


def _figures(match: re.Match[str], english: English) -> str:
    """Read a date in figures; the country decides the order if both are possible."""
    first, second = int(match["a"]), int(match["b"])
    is_month_first = english is English.AMERICAN and match["sign"] != "."
    if is_month_first:
        month, day = (first, second) if first <= _MONTHS_LAST else (second, first)
    else:
        month, day = (second, first) if second <= _MONTHS_LAST else (first, second)
    if not (1 <= month <= _MONTHS_LAST and 1 <= day <= 31):
        return match[0]
    if match["sign"] == ".":  # European notation
        words = f"the {ordinal(str(day))} of {MONTHS[month - 1]}"
        return f"{words}, {year(full_year(match['year']), english)}"
    return say_date(month, str(day), match["year"], english)


def _named(match: re.Match[str], english: English) -> str:
    """Read Feb-21-2018 and 21-Feb-2018."""
    words = say_day(month_name(match["month"]), match["day"], english)
    return f"{words}, {year(full_year(match['year']), english)}" if match["year"] else words


def _month_year(match: re.Match[str], english: English) -> str:
    return f"{month_name(match['month'])} {year(match['year'], english)}"


def _month_short_year(match: re.Match[str], _: English) -> str:
    return f"{month_name(match['month'])} {in_pairs(match['year'])}"


def _on_day(match: re.Match[str], english: English) -> str:
    """Read 2/22 after "on" as a day, since no fraction is used there."""
    first, second = int(match["a"]), int(match["b"])
    month, day = (first, second) if english is English.AMERICAN else (second, first)
    if month > _MONTHS_LAST:
        month, day = day, month
    if not (1 <= month <= _MONTHS_LAST and 1 <= day <= 31):
        return match[0]
    return say_day(MONTHS[month - 1], str(day), english)


def _weekday(match: re.Match[str], _: English) -> str:
    return WEEKDAYS[match["day"]]


def _quarter(match: re.Match[str], english: English) -> str:
    tail = match["year"]
    words = f"oh {cardinal(tail[1])}" if tail[0] == "0" else cardinal(tail, english)
    return f"{cardinal(match['number'])} {match['part']} {words}"


_WEEKDAY = "|".join(WEEKDAYS)
_WEEKDAY_STOPS = tuple(f"{day}." for day in WEEKDAYS)
# These need no figure next to them, so they are applied with the abbreviations.
WEEKDAY_NAMES = (
    rule(
        rf"\b(?P<day>{_WEEKDAY})\.(?=,? (?:{MONTH}|\d|the \d|(?:at|morning|afternoon|evening|"
        r"night)"
        rf"\b)|,| (?:and|or|to|through|until) (?:{_WEEKDAY})\b)",
        _weekday,
        ".",
        words=_WEEKDAY_STOPS,
    ),
    rule(
        rf"\b(?P<day>{_WEEKDAY})\.?(?="
        rf" ?[-–] ?(?:{_WEEKDAY})\b)",
        _weekday,
        "-–",
        words=tuple(WEEKDAYS),
    ),
    rule(
        rf"(?<=day)(?P<dash> ?[-–] ?)(?P<day>{_WEEKDAY})\b\.?(?!-)",
        lambda m, _: f" to {WEEKDAYS[m['day']]}",
        "-–",
        words=("day-", "day–", "day "),
    ),
    rule(
        rf"(?:(?<=day and )|(?<=day or )|(?<=day to )|(?<=day through )|(?<=day until ))"
        rf"(?P<day>{_WEEKDAY})\.",
        lambda m, _: keep_stop(m, WEEKDAYS[m["day"]]),
        words=_WEEKDAY_STOPS,
    ),
)

DATES = (
    figure_rule(r"(?<![\w.])(?P<number>[1-4])(?P<part>[QH])(?P<year>\d\d)(?!\w)", _quarter, "QH"),
    figure_rule(
        rf"(?<![\w./-])(?P<year>{YEAR})(?P<sign>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=sign)"
        rf"(?P<day>{DAY})(?![\w/-]|\.\d)",
        _iso,
        "-/.",
    ),
    figure_rule(
        rf"(?<![\w./-])(?P<a>\d{{1,2}})(?P<sign>[-/.])(?P<b>\d{{1,2}})(?P=sign)"
        rf"(?P<year>{YEAR})"
        r"(?![\w/-]|\.\d)",
        _figures,
        "-/.",
    ),
    figure_rule(
        r"(?<![\w./-])(?P<a>\d{1,2})(?P<sign>/)(?P<b>\d{1,2})/(?P<year>\d\d)(?![\w/-]|"
        r"\.\d)",
        _figures,
        "/",
    ),
    rule(
        rf"\b(?P<month>{MONTH})-(?P<day>{DAY})(?:-(?P<year>{YEAR}|\d\d))?(?![\w-])",
        _named,
        DIGITS,
        "-",
        words=SHORT_MONTHS,
    ),
    figure_rule(
        rf"(?<![\w-])(?P<day>{DAY})-(?P<month>{MONTH})(?:-(?P<year>{YEAR}|\d\d))?(?![\w-])",
        _named,
        "-",
        words=SHORT_MONTHS,
    ),
    figure_rule(r"(?<=\b[Oo]n )(?P<a>\d{1,2})/(?P<b>\d{1,2})(?![\w/]| of\b|\.\d)", _on_day, "/"),
    figure_rule(
        rf"(?<![\w.,:/-])(?P<day>{DAY}{_NTH})(?:(?P<dash> ?[-–] ?| and (?:the )?|"
        rf" or (?:the )?| to (?:the )?)(?P<last>{DAY}{_NTH}))?"
        rf"(?: (?P<of>of))?(?P<join> (?:the )?)(?P<month>{MONTH})(?:(?:,? |"
        rf",)(?P<year>{YEAR})\b(?!,\d))?(?!\w)",
        _day_month,
        words=SHORT_MONTHS,
    ),
    rule(
        rf"\b(?P<month>{MONTH}) (?:the )?(?P<day>{DAY}){_NTH}(?:(?P<dash> ?[-–] ?| and |"
        rf" or )(?P<last>{DAY}){_NTH}(?:(?<=[-–]\d)|(?<=[-–]\d\d)"
        r"|(?<=[-–]\d[a-z]{2})|(?<=[-–]\d\d[a-z]{2})"
        rf"|(?= ?[,.;:!?)\"]|$| [12]\d\d\d\b)))?"
        rf"\b(?!:|\.\d|,\d|\d|/| ?[ap]\.?m\b)(?:(?:,? |,)(?P<year>{YEAR})\b(?!,\d))?",
        _month_day,
        DIGITS,
        words=SHORT_MONTHS,
    ),
    rule(
        rf"\b(?P<month>{MONTH}),? ?"
        rf"(?P<year>{YEAR})\b(?!,\d)",
        _month_year,
        DIGITS,
        words=SHORT_MONTHS,
    ),
    rule(
        rf"\b(?P<month>{MONTH}),? [']"
        r"(?P<year>\d\d)\b(?!,\d)",
        _month_short_year,
        DIGITS,
        "'",
        words=SHORT_MONTHS,
    ),
)
