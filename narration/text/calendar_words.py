"""Names of months and days, and how a date without a year is read."""

import re

from narration.text.english import English
from narration.text.numerals import ordinal, year

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_SHORT = {month[:3]: month for month in MONTHS} | {"Sept": "September"}
# Every written month contains one of these.
SHORT_MONTHS = tuple(
    form for month in MONTHS for form in (month[:3], month[:3].lower(), month[:3].upper())
)
_NAMES = {name.lower(): month for name, month in _SHORT.items()} | {
    month.lower(): month for month in MONTHS
}
_LOWER = [m.lower() for m in MONTHS if m not in {"March", "May"}]
# In lower case only if it is no other word, or if a full stop shows that it is an abbreviation.
MONTH = (
    rf"(?:{'|'.join([*MONTHS, *map(str.upper, MONTHS), *_LOWER])}"
    rf"|(?:{'|'.join([*_SHORT, *(s.upper() for s in _SHORT)])})\b\.?"
    rf"|(?:{'|'.join(s.lower() for s in _SHORT)})\.|(?:jan|feb|apr|jun|jul|sept?|oct|nov)\b"
    r"|(?:may|march)(?=(?: \d{1,2}(?:st|nd|rd|th)?)?,? ?[12]\d{3}\b))"
)
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
YEAR = r"(?:1\d{3}|20\d{2}|21\d{2})"
_TWO_DIGIT_PIVOT = 50  # 49 is 2049, 50 is 1950: a widespread convention


def month_name(written: str) -> str:
    """Expand a month that may be shortened: Sept. -> September."""
    return _NAMES[written.rstrip(".").lower()]


def full_year(digits: str) -> str:
    """Add the century to a year of a date: 18 -> 2018, 98 -> 1998."""
    if len(digits) != 2:
        return digits
    return f"{'20' if int(digits) < _TWO_DIGIT_PIVOT else '19'}{digits}"


def say_day(month: str, day: str, english: English) -> str:
    """Read a day as is usual in the country: March ninth, the ninth of March."""
    words = ordinal(str(int(day)))
    return f"{month} {words}" if english is English.AMERICAN else f"the {words} of {month}"


def say_date(month: int, day: str, digits: str, english: English) -> str:
    """Read a date written in figures only."""
    return f"{say_day(MONTHS[month - 1], day, english)}, {year(full_year(digits), english)}"


def day_number(written: str) -> str:
    """Return the number in "3rd"."""
    match = re.match(r"\d+", written)
    assert match is not None, "a day begins with its figure"
    return match[0]
