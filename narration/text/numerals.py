"""Numbers as words: cardinals, ordinals, years, digits one by one, Roman numerals."""

import re
from functools import lru_cache

from num2words import num2words

_LONGEST = 15  # digits; beyond that a listener is better served one by one
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN_FORM = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=4096)
def cardinal(digits: str) -> str:
    """Say a whole number; leading zeros and very long numbers are said digit by digit."""
    if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == "0"):
        return spell_digits(digits)
    return _plain(num2words(int(digits)))


@lru_cache(maxsize=4096)
def ordinal(digits: str) -> str:
    """Say a number as a place in a row: 21 -> twenty-first."""
    if len(digits) > _LONGEST:
        return spell_digits(digits)
    return _plain(num2words(int(digits), to="ordinal"))


@lru_cache(maxsize=4096)
def year(digits: str) -> str:
    """Say a year in pairs as English does: 1905 -> nineteen oh five, 2007 -> two thousand seven."""
    number = int(digits)
    century, rest = divmod(number, 100)
    if len(digits) != 4 or number < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(digits)
    if rest == 0:
        return f"{cardinal(str(century))} hundred"
    tail = cardinal(str(rest)) if rest >= 10 else f"oh {cardinal(str(rest))}"
    return f"{cardinal(str(century))} {tail}"


def decimal(text: str) -> str:
    """Say digits with at most one point: 3.14 -> three point one four."""
    whole, _, fraction = text.replace(",", "").partition(".")
    said = cardinal(whole) if whole else "zero"
    return f"{said} point {spell_digits(fraction)}" if fraction else said


def spell_digits(digits: str) -> str:
    """Say digits one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def roman_value(text: str) -> int | None:
    """Value of a Roman numeral in its usual form, else None: XIV -> 14, IIII -> None."""
    if not text or not _ROMAN_FORM.fullmatch(text):
        return None
    values = [_ROMAN[letter] for letter in text]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))


def _plain(words: str) -> str:
    return words.replace(",", "").replace(" and ", " ")
