"""Dates, times, years and decades as words."""

import re

from narration.text.numerals import cardinal, ordinal, year

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_SHORT = {month[:3]: month for month in MONTHS} | {"Sept": "September"}
_MONTH = "(?P<month>" + "|".join([*MONTHS, *(rf"{short}\b\.?" for short in _SHORT)]) + ")"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>1\d{3}|20\d{2})"

_MONTH_DAY = re.compile(rf"\b{_MONTH} {_DAY}\b(?!:|\.\d|,\d|\d)(?P<comma>,? {_YEAR}\b(?!,\d))?")
_DAY_MONTH = re.compile(
    rf"\b(?P<the>the )?{_DAY} (?P<of>of )?{_MONTH}(?P<comma>,? {_YEAR}\b)?(?!\w)"
)
_MONTH_YEAR = re.compile(rf"\b{_MONTH},? {_YEAR}\b(?!,\d)")
_ISO = re.compile(
    r"\b(?P<year>1\d{3}|20\d{2})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])\b(?!-)"
)
_SLASHED = re.compile(r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>(?:1\d|20)\d{2})(?![\d/])")
_TIME = re.compile(
    r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)"
    r"(?![\d:])(?: ?(?P<half>[AaPp]\.?[Mm]\b\.?))?"
)
_TIME_SPAN = re.compile(r"(?<=:\d\d) ?[-–] ?(?=\d{1,2}:\d\d)")
_HOUR = re.compile(r"(?<![\d.,:])(?P<hour>1[0-2]|0?[1-9]) ?(?P<half>[AaPp]\.?[Mm]\b\.?)")
_DECADE = re.compile(r"(?P<mark>'|\b)(?P<century>1\d|20)?(?P<tens>\d0)'?s\b")
_YEAR_SPAN = re.compile(
    r"\b(?P<a>1\d{3}|20\d{2}) ?[-–] ?(?P<b>(?:1\d{3}|20\d{2}|\d{2}))\b(?![-\d,]|\.\d)"
)
_LONE_YEAR = re.compile(
    r"(?<![\w.,$£€¥#/+-])(?P<year>1[1-9]\d{2}|20[0-4]\d)\b(?![.,]\d|[/%°:]|-\w)(?P<next> [a-z]+)?"
)
_VERBS = frozenset(
    {"was", "is", "has", "does", "his", "its", "this", "as", "us", "always", "across", "besides"}
)


def say_dates(text: str) -> str:
    """Replace dates, times, years and decades by their words."""
    text = _TIME_SPAN.sub(" to ", text)
    text = _ISO.sub(lambda m: _calendar(m["month"], m["day"], m["year"]), text)
    text = _SLASHED.sub(_slashed, text)
    text = _TIME.sub(_time, text)
    text = _HOUR.sub(lambda m: f"{cardinal(str(int(m['hour'])))} {_half(m)}", text)
    text = _DAY_MONTH.sub(_day_month, text)
    text = _MONTH_DAY.sub(_month_day, text)
    text = _MONTH_YEAR.sub(lambda m: f"{_month(m['month'])} {year(m['year'])}", text)
    text = _DECADE.sub(_decade, text)
    text = _YEAR_SPAN.sub(_year_span, text)
    return _LONE_YEAR.sub(_lone_year, text)


def _month(name: str) -> str:
    return _SHORT.get(name.rstrip("."), name)


def _calendar(month: str, day: str, digits: str) -> str:
    return f"{MONTHS[int(month) - 1]} {ordinal(str(int(day)))}, {year(digits)}"


def _slashed(match: re.Match[str]) -> str:
    first, second = int(match["a"]), int(match["b"])
    if 1 <= first <= 12 and 1 <= second <= 31:  # the American order, as the model's English is
        return _calendar(match["a"], match["b"], match["year"])
    if 1 <= second <= 12 and 1 <= first <= 31:
        return _calendar(match["b"], match["a"], match["year"])
    return match[0]


def _half(match: re.Match[str]) -> str:
    """Write the letters of a.m.; a full stop that follows serves both."""
    letters = f"{match['half'][0].lower()}.m"
    is_stopped = match.string.startswith(".", match.end())  # "at 3 pm." has its full stop already
    return letters if is_stopped else f"{letters}."


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), match["minute"]
    words = cardinal(str(hour))
    if minute != "00":
        words += f" oh {cardinal(minute[1])}" if minute[0] == "0" else f" {cardinal(minute)}"
    elif not match["half"] and not match["second"]:
        words += " o'clock" if 1 <= hour <= 12 else " hundred hours"
    if match["second"]:
        words += f" and {cardinal(str(int(match['second'])))} seconds"
    return f"{words} {_half(match)}" if match["half"] else words


def _month_day(match: re.Match[str]) -> str:
    said = f"{_month(match['month'])} {ordinal(str(int(match['day'])))}"
    return f"{said}, {year(match['year'])}" if match["comma"] else said


def _day_month(match: re.Match[str]) -> str:
    article = match["the"] or ("" if match.start() else "The ")
    is_verb = match["month"] in {"May", "March"} and not (match["of"] or match["comma"])
    if is_verb and re.match(r" [a-z]", match.string[match.end() :]):
        return match[0]  # "of the 5 May find out"
    said = f"{article or 'the '}{ordinal(str(int(match['day'])))} of {_month(match['month'])}"
    return f"{said}, {year(match['year'])}" if match["comma"] else said


def _decade(match: re.Match[str]) -> str:
    tens = cardinal(str(int(match["tens"])))
    if match["tens"] == "00":
        if not match["century"]:
            return match[0]
        return (
            "two thousands"
            if match["century"] == "20"
            else f"{cardinal(match['century'])} hundreds"
        )
    plural = "tens" if tens == "ten" else tens[:-1] + "ies"
    return f"{cardinal(match['century'])} {plural}" if match["century"] else plural


def _year_span(match: re.Match[str]) -> str:
    first, second = match["a"], match["b"]
    if len(second) == 2:
        if int(second) <= int(first[2:]):
            return match[0]
        return f"{year(first)} to {cardinal(second)}"
    return f"{year(first)} to {year(second)}" if int(second) > int(first) else match[0]


def _lone_year(match: re.Match[str]) -> str:
    following = (match["next"] or "").strip()
    if following.endswith("s") and following not in _VERBS:  # 1200 soldiers: a count
        return f"{cardinal(match['year'])}{match['next']}"
    return f"{year(match['year'])}{match['next'] or ''}"
