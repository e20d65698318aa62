"""Numbers as words: cardinals, ordinals, years, pairs, single digits, Roman numerals."""

import re
from functools import lru_cache

from num2words import num2words

from narration.text.english import English

_AMERICAN = English.AMERICAN
_LONGEST = 15  # digits; a longer number without commas is a code, read digit by digit
_LONGEST_GROUPED = 33  # digits; num2words has no names beyond decillions
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN_FORM = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=4096)
def cardinal(digits: str, english: English = _AMERICAN) -> str:
    """Read a whole number; leading zeros and very long numbers are read digit by digit."""
    longest = _LONGEST_GROUPED if "," in digits else _LONGEST
    digits = digits.replace(",", "")
    if len(digits) > longest or (len(digits) > 1 and digits[0] == "0"):
        return spell_digits(digits)
    return _plain(num2words(int(digits)), english)


@lru_cache(maxsize=4096)
def ordinal(digits: str, english: English = _AMERICAN) -> str:
    """Read an ordinal number: 21 -> twenty-first."""
    digits = digits.replace(",", "")
    if len(digits) > _LONGEST:
        return spell_digits(digits)
    return _plain(num2words(int(digits), to="ordinal"), english)


@lru_cache(maxsize=4096)
def year(digits: str, english: English = _AMERICAN) -> str:
    """Read a year in pairs as in English: 1905 -> nineteen oh five, 2007 -> two thousand seven."""
    number = int(digits)
    century, rest = divmod(number, 100)
    if len(digits) != 4 or number < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(digits, english)
    if rest == 0:
        return f"{cardinal(str(century))} hundred"
    return f"{cardinal(str(century))} {two_digits(digits[2:])}"


@lru_cache(maxsize=4096)
def in_pairs(digits: str) -> str:
    """Read the number of a house, a road or an aeroplane: 737 -> seven thirty-seven."""
    if len(digits) == 3 and digits[0] != "0":
        tail = "hundred" if digits[1:] == "00" else two_digits(digits[1:])
        return f"{cardinal(digits[0])} {tail}"
    if len(digits) == 4 and digits[0] != "0":
        return year(digits)
    return cardinal(digits) if len(digits) <= 2 else spell_digits(digits)


def two_digits(digits: str) -> str:
    """Read the last two digits of a year or a time: 05 -> oh five."""
    return f"oh {cardinal(digits[1])}" if digits[0] == "0" else cardinal(digits)


def decimal(text: str, english: English = _AMERICAN) -> str:
    """Read digits with at most one point: 3.14 -> three point one four."""
    whole, _, fraction = text.partition(".")
    words = cardinal(whole, english) if whole else "zero"
    return f"{words} point {spell_digits(fraction)}" if fraction else words


def spell_digits(digits: str) -> str:
    """Read digits one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def plural(words: str) -> str:
    """Make the last word of a number plural: fifty -> fifties, six -> sixes."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def roman_value(text: str) -> int | None:
    """Return the value of a Roman numeral in its usual form, else None: XIV -> 14, IIII -> None."""
    if not text or not _ROMAN_FORM.fullmatch(text):
        return None
    values = [_ROMAN[letter] for letter in text]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))


def _plain(words: str, english: English) -> str:
    words = words.replace(",", "")
    return words if english is English.BRITISH else words.replace(" and ", " ")
