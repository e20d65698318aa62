"""Text as written -> text as spoken. Pure, English, idempotent.

Applied to one sentence at a time: an abbreviation at the very end keeps its full stop.
"""

import re

from narration.text.abbreviations import say_abbreviations, say_roman
from narration.text.characters import clean_characters, clean_punctuation
from narration.text.dates import say_dates
from narration.text.numbers import fold_digits, has_digits, say_numbers
from narration.text.numerals import cardinal, roman_value
from narration.text.quantities import say_old_money, say_quantities, say_signs

_PASSES = 4  # one rule's words may uncover another's: "5 Dr." ; the second pass changes little
_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"()]*[\w/]|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[\w-]+\.)+(?:com|org|net|edu|gov|io|co\.uk)\b(?:/[\w/.~-]*\w)?"
)
_ADDRESS_SIGNS = {
    ".": " dot ", "/": " slash ", "@": " at ", "-": " dash ", "_": " underscore ", ":": " colon ",
    "?": " question mark ", "&": " and ", "=": " equals ", "#": " hash ", "%": " percent ",
    "+": " plus ", "~": " tilde ",
}  # fmt: skip
_SLASH = re.compile(r"(?<=\w) ?/ ?(?=\w)")
_LONE_SLASH = re.compile(r" ?/+ ?")
_WORD = re.compile(r"[^\W_]")
_HEADING_ROMAN = re.compile(r"^([IVXLC]+)(?=[.:]? *$|[.:] )")
_CAPITALS = re.compile(r"[^\W\d_]{2,}(?:'[^\W\d_]+)?")
_LOWER = re.compile(r"[a-z]")


def normalize(text: str) -> str:
    """Write a sentence out as it is to be spoken: quotes, dashes, numbers, dates, abbreviations."""
    for _ in range(_PASSES):
        spoken = _normalize_once(text)
        if spoken == text:
            break
        text = spoken
    return text


def has_words(text: str) -> bool:
    """Tell whether there is anything in it that a voice could say."""
    return _WORD.search(text) is not None


def normalize_heading(text: str) -> str:
    """Write a heading out: as a sentence, but capitals are lowered and its number may be Roman."""
    is_shouted = not _LOWER.search(text)
    text = _HEADING_ROMAN.sub(_heading_number, say_roman(text.strip()))
    if is_shouted:
        text = _CAPITALS.sub(lambda m: m[0].capitalize(), text)
    return normalize(text)


def _normalize_once(text: str) -> str:
    text = clean_characters(text)
    text = _ADDRESS.sub(_address, text)
    text = say_abbreviations(say_roman(text))
    if has_digits(text):
        text = say_numbers(say_quantities(say_dates(say_old_money(fold_digits(text)))))
    text = say_signs(text)
    if "/" in text:
        text = _LONE_SLASH.sub(" ", _SLASH.sub(" slash ", text))
    return clean_punctuation(text)


def _heading_number(match: re.Match[str]) -> str:
    value = roman_value(match[1])
    return match[0] if value is None else cardinal(str(value)).capitalize()


def _address(match: re.Match[str]) -> str:
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0]).rstrip("/")
    return "".join(_ADDRESS_SIGNS.get(character, character) for character in bare)
