"""Titles as keys: as listed, with the number of a page, and as printed they come to one form."""

import re
from functools import lru_cache

from narration.documents.plain.headings import number_value

# A number in small Roman letters that is no word, as "ill" and "civil" are.
_SMALL_ROMAN = r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,4})(?:ix|iv|v?i{0,4})"
PAGE = re.compile(
    r"(?:(?<![\s.·…_,–-])[\s.·…_,–-]{2,}+|\s)(?:p\.? ?)?"  # each run of leaders is tried once
    rf"(?:\d{{1,4}}|{_SMALL_ROMAN})\.?\s*$"
)
_ROMAN_TOKEN = re.compile(r"\b[ivxlc]+\b")
_NOT_KEY = re.compile(r"[\W_]+")
_KEY_LENGTH = 60


@lru_cache(maxsize=16_384)  # a title is looked up for lists and for the outline
def title_key(text: str) -> str:
    """Bring a title, listed or printed, to its key: no page, no marks, Arabic numbers."""
    return printed_key(PAGE.sub("", text))


def printed_key(text: str) -> str:
    """Bring a title that stands without a page to its key: the number at its end is its own."""
    lowered = text.lower().replace("_", "")
    numbered = _ROMAN_TOKEN.sub(lambda m: str(number_value(m[0]) or m[0]), lowered)
    return _NOT_KEY.sub("", numbered)[:_KEY_LENGTH]
