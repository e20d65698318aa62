"""Abbreviated citations: books of the Bible, page numbers of prefaces, years of birth and death."""

import re

from narration.text.calendar_words import MONTH
from narration.text.english import English
from narration.text.numerals import cardinal, roman_value
from narration.text.rules import DIGITS, alternatives, rule

_BOOKS = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers",
    "Deut": "Deuteronomy", "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel", "Kgs": "Kings",
    "Chr": "Chronicles", "Chron": "Chronicles", "Neh": "Nehemiah", "Esth": "Esther",
    "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs", "Eccl": "Ecclesiastes",
    "Eccles": "Ecclesiastes", "Isa": "Isaiah", "Jer": "Jeremiah", "Lam": "Lamentations",
    "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Obad": "Obadiah", "Mic": "Micah",
    "Nah": "Nahum", "Hab": "Habakkuk", "Zeph": "Zephaniah", "Hag": "Haggai", "Zech": "Zechariah",
    "Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew", "Mk": "Mark", "Lk": "Luke",
    "Jn": "John", "Rom": "Romans", "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians",
    "Phil": "Philippians", "Col": "Colossians", "Thess": "Thessalonians", "Tim": "Timothy",
    "Tit": "Titus", "Philem": "Philemon", "Heb": "Hebrews", "Jas": "James", "Pet": "Peter",
    "Rev": "Revelation",
}  # fmt: skip
_WHOLE = "Samuel|Kings|Chronicles|Corinthians|Thessalonians|Timothy|Peter|John"
_ORDER = {
    "1": "First", "2": "Second", "3": "Third", "I": "First", "II": "Second", "III": "Third",
}  # fmt: skip
_LIFE = {"b": "born", "d": "died", "m": "married", "r": "reigned"}
_LETTERS = r"(?:[ivxlc]{2,8}|[ivx])(?![\w'])"


def _verse(match: re.Match[str], _: English) -> str:
    order = f"{_ORDER[match['order']]} " if match["order"] else ""
    return f"{order}{_BOOKS[match['book']] if match['book'] else match['whole']}"


def _life(match: re.Match[str], _: English) -> str:
    return f"{_LIFE[match['what']]} "


def _pages(match: re.Match[str], english: English) -> str:
    """Read "pp. xi-xv", the page numbers of prefaces."""
    values = [roman_value(match[name].upper()) for name in ("first", "last") if match[name]]
    if None in values:
        return match[0]
    words = " to ".join(cardinal(str(value), english) for value in values)
    return f"page{'s' if match['plural'] else ''} {words}"


VERSES = (
    rule(
        rf"(?<![\w.])(?:(?P<order>[123]|I{{1,3}}) )?(?:(?P<book>{alternatives(_BOOKS)})\.|"
        rf"(?<= )(?P<whole>{_WHOLE}))(?= \d{{1,3}}:\d{{1,3}}(?!\w))",
        _verse,
        DIGITS,
        ":",
    ),
)
# After a full stop or the last letter of a book's full name.
VERSES_GUARD = r":(?:(?<=[lsyrn.] \d:)|(?<=[lsyrn.] \d\d:)|(?<=[lsyrn.] \d\d\d:))\d"
CITATIONS = (
    rule(
        rf"(?:(?<=\()|(?<=[,;] ))(?P<what>[bdmr])\. ?"
        rf"(?=(?:c\. ?|ca\. ?|circa )?(?:\d{{1,2}} )?(?:{MONTH} )?(?:\d{{1,2}}, )?1?\d{{3}}\b)",
        _life,
        DIGITS,
        ".",
        words=tuple(f"{before}{letter}." for before in ("(", ", ", "; ") for letter in _LIFE),
    ),
    rule(
        rf"(?<![\w.])p(?P<plural>p)?\. ?(?P<first>{_LETTERS})(?: ?[-–] ?(?P<last>{_LETTERS}))?",
        _pages,
        "ivx",
        words=("pp.", " p. ", "(p. "),
    ),
)
