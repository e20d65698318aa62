"""Whatever digits dates and quantities have left: counts, decimals, ordinals, fractions, codes."""

import re

from narration.text.numerals import cardinal, decimal, ordinal, spell_digits

_ORDINAL = re.compile(r"(?<![\w.])(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th|ST|ND|RD|TH)\b")
_PHONE = re.compile(r"(?<![\w-])(?:\+?\d{1,3}[ -])?(?:\(\d{3}\) ?|\d{3}[- ])?\d{3}-\d{4}(?![\w-])")
_GLUED = re.compile(r"(?<=[^\W\d_])(?=\d+\.\d)")  # v2.0
_VERSION = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\w,])")
_MIXED = re.compile(
    r"(?<![\w.,/])(?:(?P<whole>\d+)[ -])?(?P<top>\d{1,3})/(?P<bottom>\d{1,3})(?![\w/]|\.\d)"
)
_RANGE = re.compile(r"(?<![\w.,-])(?P<a>\d[\d,.]*\d|\d) ?[-–] ?(?P<b>\d[\d,.]*\d|\d)(?![\w-])")
_SCORE = re.compile(r"(?<=\d):(?=\d)")
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w|,\d)")
_PLAIN = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?|\.\d+)(?!\w)")
_LEFT = re.compile(r"(?P<before>[^\W\d_]?)(?P<digits>\d+)(?P<after>[^\W\d_]?)")
_ODD_DIGIT = re.compile(r"[^\D0-9]")
_IDIOMS = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty fifty"}
_IDIOM = re.compile(r"(?<![\w/.,])(?:" + "|".join(_IDIOMS) + r")(?![\w/]|\.\d)")
_HALVES = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
_HAS_DIGIT = re.compile(r"\d")


def has_digits(text: str) -> bool:
    """Tell whether there is any digit left to say."""
    return _HAS_DIGIT.search(text) is not None


def fold_digits(text: str) -> str:
    """Turn other scripts' decimal digits into 0 to 9."""
    return _ODD_DIGIT.sub(lambda m: str(int(m[0])), text)


def say_numbers(text: str) -> str:
    """Replace every remaining digit by words."""
    text = _IDIOM.sub(lambda m: _IDIOMS[m[0]], text)
    text = _ORDINAL.sub(lambda m: ordinal(m["number"].replace(",", "")), text)
    text = _PHONE.sub(_phone, text)
    text = _GLUED.sub(" ", text)
    text = _VERSION.sub(lambda m: " point ".join(map(cardinal, m[0].split("."))), text)
    text = _MIXED.sub(_fraction, text)
    text = _RANGE.sub(lambda m: f"{m['a']} to {m['b']}", text)
    text = _SCORE.sub(" ", text)
    text = _GROUPED.sub(lambda m: decimal(m[0]), text)
    text = _PLAIN.sub(lambda m: decimal(m[0]), text)
    return _LEFT.sub(_left, text)


def _phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    said = ", ".join(spell_digits(group) for group in groups)
    return f"plus {said}" if match[0].startswith("+") else said


def _fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match["whole"], match["top"], match["bottom"]
    if int(bottom) < 2 or int(bottom) > 16 or int(top) >= int(bottom):
        said = f"{cardinal(top)} over {cardinal(bottom)}"
        return f"{cardinal(whole)} {said}" if whole else said
    one, many = _HALVES.get(bottom, (ordinal(bottom), f"{ordinal(bottom)}s"))
    noun = one if int(top) == 1 else many
    if not whole:
        return f"{cardinal(top)} {noun}"
    return f"{cardinal(whole)} and {'a' if int(top) == 1 else cardinal(top)} {noun}"


def _left(match: re.Match[str]) -> str:
    """Digits glued to letters or points (MP3, 4x4, 1.2.3): said on their own."""
    before = f"{match['before']} " if match["before"] else ""
    after = f" {match['after']}" if match["after"] else ""
    return f"{before}{cardinal(match['digits'])}{after}"
