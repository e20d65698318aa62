"""The form of a line that may be a heading: "CHAPTER the First", "II. The Road", "Preface".

Whether it is one depends on its neighbours and on the rest of the book: see outline.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from narration.documents.plain.lines import bare


class Rank(IntEnum):
    """What a heading is the heading of, from large to small."""

    VOLUME = 0
    PART = 1
    CHAPTER = 2
    NUMERAL = 3  # a bare number: a chapter if there is nothing else
    SECTION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading as written; `word` is "" for a bare number, `number` None for a named section."""

    word: str
    rank: Rank
    number: int | None
    title: str
    is_roman: bool = False
    is_spelled: bool = False


_RANKS = {
    Rank.VOLUME: "volume vol tome",
    Rank.PART: "book bk part epoch phase act day period cycle",
    Rank.CHAPTER: (
        "chapter chap ch adventure story tale stave canto letter lecture lesson scene episode "
        "night fable sonnet psalm essay sermon ode fytte fit novel narrative chronicle eclogue "
        "dialogue meditation appendix interlude entry week"
    ),
    Rank.SECTION: "section sect",
}
_RANK_OF = {word: rank for rank, words in _RANKS.items() for word in words.split()}
_SAME = {"chap": "chapter", "ch": "chapter", "vol": "volume", "bk": "book", "sect": "section"}
_NAMED = re.compile(
    r"(?:the |author['’]s |a |an )?(?:prologue|epilogue|preface|foreword|afterword|introduction|"
    r"introductory|conclusion|finale|prelude|proem|postscript|dedication|interlude|appendix|"
    r"appendices|preamble|notes?|historical notes?|acknowledge?ments?|afterpiece|induction|"
    r"argument|advertisement|apology|envoi|envoy|coda|overture|intermezzo|aftermath|glossary|"
    r"bibliography)"
    r"(?:(?: to| by| of)\b.{0,60}|(?: note| chapter| remarks)?)[.:]?",
    re.IGNORECASE,
)
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
]
_TENTHS = [
    "twentieth",
    "thirtieth",
    "fortieth",
    "fiftieth",
    "sixtieth",
    "seventieth",
    "eightieth",
    "ninetieth",
]
_VALUES = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: value for value, word in enumerate(_ORDINALS)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
    **{word: 10 * value for value, word in enumerate(_TENTHS, 2)},
    "last": None,
    "final": None,
}
_ROMAN_LETTERS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,4})(?:xc|xl|l?x{0,4})(?:ix|iv|v?i{0,4})")
_NUMBER_WORD = "|".join(sorted((word for word in _VALUES), key=len, reverse=True))
_ORDINAL_WORD = "|".join([*reversed(_ORDINALS[1:]), *_TENTHS])
_TENS_WORD = "|".join(_TENS)
_UNIT_WORD = "|".join(_UNITS[1:10])
_NUMBER = rf"(?:\d{{1,4}}|[IVXLC]+|[ivxlc]+|(?i:(?:{_NUMBER_WORD})(?:[- ](?:{_NUMBER_WORD}))?))"
_SEPARATOR = (
    r"(?:\s*[.:)\]]+[\s–—-]*|\s*[–—]+\s*|\s*--+\s*|\s+-\s+|,\s+|\s{2,}|"
    r"\s+(?=[\[(\"“‘']|[A-Z]))"
)
_REST = rf"(?:[.:)\]–—-]*\s*$|{_SEPARATOR}(?P<title>\S.*)$)"
_WORDS = "|".join(sorted(_RANK_OF, key=len, reverse=True))
_WORD_FIRST = re.compile(
    rf"(?P<word>(?i:{_WORDS}))\b\.?\s+(?:(?i:no|number|the)\b\.?\s+)?"
    rf"(?P<number>{_NUMBER})(?![\w'’]){_REST}"
)
_WORD_LAST = re.compile(
    rf"(?i:the\s+)?(?P<number>(?:(?i:{_TENS_WORD})[- ])?(?i:{_ORDINAL_WORD}))\s+"
    rf"(?P<word>(?i:{_WORDS}))(?:[.:)\]–—-]*\s*$|\s*[.:–—-]+\s*(?P<title>\S.*)$)"
)
_NUMERAL = re.compile(
    r"[\[(]?(?P<number>\d{1,3}|[IVXLC]+)(?:[.:)\]–—-]*\s*$|(?<![\[(].)(?<![\[(]..)\s*[.:)]+[\s–—-]*(?P<title>\S.*)$|\s*(?:--+|[–—])\s*(?P<dashed>\S.*)$)"
)
_SPELLED = re.compile(
    rf"(?P<number>(?i:(?:{_TENS_WORD})(?:[- ](?:{_UNIT_WORD}))?|{'|'.join(reversed(_UNITS[1:]))}))"
    r"(?:[.:)\]]?$|\s*(?::|--+|[–—])\s*(?P<title>\S.*)$)"
)
_LONGEST = 120


@lru_cache(maxsize=16_384)  # every line is looked up several times
def read_heading(line: str) -> Heading | None:
    """Parse a line, if it has the form of a heading."""
    if len(line) > _LONGEST or not line:
        return None
    text = bare(line)
    if not text or not (text[0].isalnum() or text[0] in "[("):
        return None
    return _worded(text) or _numeral(text) or _spelled(text) or _named(text)


def number_value(text: str) -> int | None:
    """Return the value of digits, words or Roman numerals; None if it is "last" or no number."""
    lowered = text.lower()
    if lowered.isdigit():
        return int(lowered)
    if _ROMAN.fullmatch(lowered):
        values = [_ROMAN_LETTERS[letter] for letter in lowered]
        following = [*values[1:], 0]
        return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
    parts = re.split(r"[- ]", lowered)
    numbers = [_VALUES.get(part) for part in parts]
    return None if None in numbers else sum(value for value in numbers if value is not None)


def _worded(text: str) -> Heading | None:
    match = _WORD_FIRST.match(text) or _WORD_LAST.match(text)
    if match is None or text[0].islower():
        return None
    title = (match["title"] or "").strip()
    if title[:1].islower() and not text.isupper():
        return None  # "Part one of the bridge fell."
    word = match["word"].lower()
    return Heading(
        word=_SAME.get(word, word),
        rank=_RANK_OF[word],
        number=number_value(match["number"]),
        title=title,
        is_roman=match["number"].isupper(),
    )


def _numeral(text: str) -> Heading | None:
    match = _NUMERAL.match(text)
    if match is None:
        return None
    value = number_value(match["number"])
    title = (match["title"] or match["dashed"] or "").strip()
    if value is None or title[:1].islower():
        return None
    return Heading(
        word="",
        rank=Rank.NUMERAL,
        number=value,
        title=title,
        is_roman=not match["number"].isdigit(),
    )


def _spelled(text: str) -> Heading | None:
    """Parse "TWENTY-ONE" or "One: The Hill"; numbers in sentences begin in lower case."""
    match = _SPELLED.match(text)
    if match is None or text[0].islower():
        return None
    title = (match["title"] or "").strip()
    if title[:1].islower():
        return None
    return Heading(
        word="",
        rank=Rank.NUMERAL,
        number=number_value(match["number"]),
        title=title,
        is_spelled=True,
    )


def _named(text: str) -> Heading | None:
    if not _NAMED.fullmatch(text) or text[0].islower():
        return None
    return Heading(word=text.lower().rstrip(".:"), rank=Rank.CHAPTER, number=None, title="")
