"""Latin letters that do not occur in English print, and plain letters that replace them.

Western accents are kept, because the voices know them. This module knows nothing of voices.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from narration.documents.types import Document, Remark

# Letters that cannot be decomposed into a base and marks, including some from before 1800.
_PLAIN = {
    "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "ĸ": "k", "Ŀ": "L",
    "ŀ": "l", "ŉ": "'n", "Ŋ": "Ng", "ŋ": "ng", "Œ": "Oe", "œ": "oe", "Ŧ": "T", "ŧ": "t",
    "ſ": "s", "ƀ": "b", "Ɖ": "D", "ƒ": "f", "Ɨ": "I", "Ɵ": "O", "Ƶ": "Z", "ƶ": "z",
    "Ǝ": "E", "ǝ": "e", "Ə": "E", "Ǥ": "G", "ǥ": "g", "Ȝ": "Y", "ȝ": "y", "Ƿ": "W",
    "ƿ": "w", "ȷ": "j", "Ⱥ": "A", "Ɓ": "B", "Ɗ": "D", "Ƙ": "K", "ƙ": "k",
    "Æ": "Ae", "æ": "ae", "Ø": "O", "ø": "o", "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th",
    "ẞ": "SS", "ʻ": "'", "ʾ": "'", "ʿ": "'",
}  # fmt: skip
_LAST_KEPT = "ÿ"
_NOT_KEPT = "ÆÐØÞæðøþÿ"  # in Latin-1, but rare in English print: the voices do not know them
_MARKS = "\u0300-\u036f"
_BEYOND = re.compile(rf"[{_NOT_KEPT}\u0100-\u024f\u0250-\u02ff\u1e00-\u1eff{_MARKS}]")
# A letter with the marks that follow it.
_LETTER = re.compile(rf"([^\W\d_])([{_MARKS}]+)|[{_NOT_KEPT}\u0100-\u02ff\u1e00-\u1eff]")
_MOST_SHOWN = 12


def plain_letters(text: str) -> str:
    """Remove the marks from letters beyond those of western Europe: Łódź -> Lodz, but café."""
    if text.isascii() or not _BEYOND.search(text):
        return text
    return _LETTER.sub(lambda match: plain_form(match[0]) or match[0], text)


def plain_form(letter: str) -> str | None:
    """Return the plain form of a letter with marks; None if it has none or needs none."""
    if _is_kept(letter):
        return None
    if letter in _PLAIN:
        return _PLAIN[letter]
    parts = unicodedata.normalize("NFD", letter)
    base = _PLAIN.get(parts[0], parts[0])
    if len(parts) == 1 or not base.isascii():
        return None
    for end in range(len(parts) - 1, 1, -1):  # ế keeps the accent that French also has
        if _is_kept(parts[:end]):
            return unicodedata.normalize("NFC", parts[:end])
    return base


def _is_kept(letter: str) -> bool:
    composed = unicodedata.normalize("NFC", letter)
    return len(composed) == 1 and composed <= _LAST_KEPT and composed not in _NOT_KEPT


def find_plain_letters(document: Document) -> Remark | None:
    """Return a remark on the letters that are replaced when spoken, and where the first one is."""
    counts: Counter[str] = Counter()
    first: int | None = None
    for start, text in _texts(document):
        if text.isascii() or not _BEYOND.search(text):
            continue
        for match in _LETTER.finditer(text):
            if plain_form(match[0]) is not None:
                counts[match[0]] += 1
                first = start + match.start() if first is None else first
    if not counts:
        return None
    examples = ", ".join(f"{letter} as {plain_form(letter)}" for letter in [*counts][:_MOST_SHOWN])
    more = ", and others" if len(counts) > _MOST_SHOWN else ""
    return Remark(
        text=f"{counts.total():,} letters are spoken without their marks: {examples}{more}",
        start=first,
    )


def _texts(document: Document) -> Iterator[tuple[int, str]]:
    for chapter in document.chapters:
        for block in chapter.blocks:
            for run in block.runs:
                written = document.source[run.start : run.end]
                yield run.start, written if run.reading is None else run.reading
