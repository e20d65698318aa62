"""Keys of titles: the listed form, with a page number, and the printed form get the same key."""

import re
from functools import lru_cache

from narration.documents.plain.headings import number_value

# A number in small Roman numerals that is not a word, unlike "ill" and "civil".
_SMALL_ROMAN = r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,4})(?:ix|iv|v?i{0,4})"
PAGE = re.compile(
    r"(?:(?<![\s.·…_,–-])[\s.·…_,–-]{2,}+|\s)(?:p\.? ?)?"  # each run of leaders is tried once
    rf"(?:\d{{1,4}}|{_SMALL_ROMAN})\.?\s*$"
)
_ROMAN_TOKEN = re.compile(r"\b[ivxlc]+\b")
_NOT_KEY = re.compile(r"[\W_]+")
_KEY_LENGTH = 60


@lru_cache(maxsize=16_384)  # titles are looked up for lists and for the outline
def title_key(text: str) -> str:
    """Return the key of a title, listed or printed: no page, no marks, Arabic numbers."""
    return printed_key(PAGE.sub("", text))


def printed_key(text: str) -> str:
    """Return the key of a title without a page: a number at its end belongs to it."""
    lowered = text.lower().replace("_", "")
    with_digits = _ROMAN_TOKEN.sub(lambda m: str(number_value(m[0]) or m[0]), lowered)
    return _NOT_KEY.sub("", with_digits)[:_KEY_LENGTH]
