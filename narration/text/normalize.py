"""Written text -> spoken text. Pure, English, idempotent.

Applied to one sentence at a time: an abbreviation at the very end keeps its full stop.
"""

import re

from narration.text.abbreviations import ABBREVIATIONS, DOTTED, ends_shortened
from narration.text.arithmetic import ARITHMETIC, DIMENSIONS
from narration.text.capitals import capitalize_words, lower_heading, lower_stressed
from narration.text.characters import clean_characters, plain_quotes
from narration.text.citations import CITATIONS, VERSES, VERSES_GUARD
from narration.text.codes import CALIBERS, CODES, PLANES_AND_CROWDS, SERIALS
from narration.text.dates import DATES, WEEKDAY_NAMES
from narration.text.english import English
from narration.text.fractions import FRACTIONS
from narration.text.grouped import GROUPED
from narration.text.measures import HEIGHTS, MEASURES, POWERED
from narration.text.money import MONEY
from narration.text.notable import is_notable
from narration.text.numbers import LEFT, NUMBERS, ORDINALS, SIGNED, fold_digits
from narration.text.numerals import cardinal, roman_value
from narration.text.old_money import OLD_MONEY
from narration.text.postal import POSTCODES, POSTCODES_GUARD, STREET_NAMES
from narration.text.punctuation import clean_punctuation, say_omissions
from narration.text.ranges import MINUS, NUMBERED, PROPORTIONS, RANGES
from narration.text.roman import say_roman
from narration.text.rules import RuleSet, apply_all
from narration.text.signs import say_signs
from narration.text.telephone import DIALLED, TELEPHONE, TELEPHONE_GUARD
from narration.text.times import LENGTHS, TIMES
from narration.text.web import WEB, WEB_GUARD
from narration.text.years import YEARS

_AMERICAN = English.AMERICAN
_PASSES = 6  # one rule's output may match another: "5 Dr."; the second pass rarely changes anything
# Words first; the order matters: each rule takes its matches before a more general one.
_WORDS = (
    RuleSet(WEB, WEB_GUARD),
    RuleSet(DOTTED, r"\.[^\W\d]"),
    RuleSet(TELEPHONE, TELEPHONE_GUARD),
    RuleSet(DIALLED),
    RuleSet(POSTCODES, POSTCODES_GUARD),
    RuleSet(STREET_NAMES),
    RuleSet(VERSES, VERSES_GUARD),
    RuleSet((*CITATIONS, *WEEKDAY_NAMES, *ABBREVIATIONS)),
)
# Rarely found, and first, because other rules would match their parts.
_COMPOUND = RuleSet(
    (*GROUPED, *PLANES_AND_CROWDS, *LENGTHS, *HEIGHTS),
    r"\d(?:['′]\d|-\d|'?s\b| (?:\d{3}(?!\d)|[fhm])|ft|feet|foot|hr?s?\b|h\d|m(?:ins?)? ?\d"
    r"|,\d\d? ?[a-zA-Z%°])",
)
_FIGURES = RuleSet((
    *CALIBERS, *SIGNED, *OLD_MONEY, *MONEY, *PROPORTIONS, *NUMBERED,
    *TIMES, *DATES, *YEARS, *DIMENSIONS, *POWERED, *ARITHMETIC, *MEASURES, *FRACTIONS, *RANGES,
    *MINUS, *ORDINALS, *CODES, *NUMBERS,
))  # fmt: skip
_LEFT = RuleSet((*SERIALS, *LEFT), r"\d")
_SUMS = RuleSet(ARITHMETIC)
_SLASH = re.compile(r"(?<=\w) ?/ ?(?=\w)")
_LONE_SLASH = re.compile(r" ?/+ ?")
_WORD = re.compile(r"[^\W_]")
_HAS_DIGIT = re.compile(r"\d")
_HEADING_ROMAN = re.compile(r"^([IVXLC]+)(?=[.:]? *$|[.:] (?![A-Z]\. ?[A-Z]))")
# As single letters they are initials, "L. VAN HOLT", unless they continue other headings' numbers.
_INITIALS = frozenset("LC")
_LOWER = re.compile(r"[a-z]")
_NOT_CALM = re.compile(r"[^\w\s,']|_")


def normalize(text: str, english: English = _AMERICAN) -> str:
    """Rewrite a sentence as it is spoken: quotes, dashes, numbers, dates, abbreviations."""
    for _ in range(_PASSES):
        spoken = _normalize_once(text, english)
        if spoken == text:
            return text
        text = spoken
    return _calm(text, english)


def has_words(text: str) -> bool:
    """Return whether the text contains anything that a voice can speak."""
    return _WORD.search(text) is not None


def heading_number(text: str) -> int | None:
    """Return the value of the Roman numeral that a heading may begin with; None without one."""
    match = _HEADING_ROMAN.match(text.strip())
    return None if match is None else roman_value(match[1])


def normalize_heading(
    text: str, english: English = _AMERICAN, number_before: int | None = None
) -> str:
    """Rewrite a heading: like a sentence, but capitals are lowered and its number may be Roman.

    `number_before` is that of the last numbered heading.
    """
    text = plain_quotes(text.strip())
    is_shouted = not _LOWER.search(text)
    number = heading_number(text)
    if number is not None and (
        text[:2].strip(".: ") not in _INITIALS or number_before == number - 1
    ):
        text = _HEADING_ROMAN.sub(cardinal(str(number)).capitalize(), text)
    if not is_shouted:
        return normalize(text, english)
    return capitalize_words(normalize(lower_heading(text), english))


def _calm(text: str, english: English) -> str:
    """Remove all signs from a text whose passes do not converge; prose never gets here."""
    for _ in range(_PASSES):
        spoken = _normalize_once(_NOT_CALM.sub(" ", text), english)
        if spoken == text:
            break
        text = spoken
    return text


def _normalize_once(text: str, english: English) -> str:
    text = say_omissions(clean_characters(plain_quotes(text)))
    if not (is_notable(text) or ends_shortened(text)):
        return clean_punctuation(text)
    text = text.replace("--", "—").replace("+/-", "±")  # otherwise a figure after it looks negative
    text = apply_all(_WORDS, text, english)
    text = lower_stressed(say_roman(text, english))
    if _HAS_DIGIT.search(text):
        text = apply_all((_COMPOUND, _FIGURES, _LEFT), fold_digits(text), english)
    else:
        text = apply_all((_SUMS,), text, english)
    if "/" in text:
        text = _LONE_SLASH.sub(" ", _SLASH.sub(" slash ", text))
    return clean_punctuation(say_signs(text))
