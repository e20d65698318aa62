"""How figures are written: parts of patterns shared by several rules, and their context."""

import re

# Preceded by no letter, full stop or digit: a figure is matched whole or not at all.
START = r"(?<![\w.^])(?<!\d,)"
NUMBER = (
    r"(?:\d{1,3}(?:,\d{3})++(?:\.\d++)?|\d{1,2}(?:,\d{2}){1,5},\d{3}(?:\.\d++)?"
    r"|\d++(?:\.\d++)?|\.\d++)"
)
# A fraction after a whole number: 2 1/2 or 2-1/2.
MIXED = r"\d{1,4}[ -]\d{1,3}/\d{1,3}(?![\d/])"
SCALES = {
    "hundred": "hundred", "thousand": "thousand", "million": "million", "billion": "billion",
    "trillion": "trillion", "k": "thousand", "K": "thousand", "m": "million", "M": "million",
    "mn": "million", "mln": "million", "mio": "million", "Mio": "million",
    "b": "billion", "B": "billion", "bn": "billion", "tn": "trillion", "trn": "trillion",
    "lakh": "lakh", "crore": "crore",
}  # fmt: skip
SCALE_WORDS = "hundred|thousand|million|billion|trillion"
# Between a figure and its unit: nothing, a space, or the hyphen of "a 5-km run".
SPAN = r" ?[-–] ?"

_DETERMINER = re.compile(
    r"(?:\b(?:an?|another|each|every|his|her|my|your|our|their|its|this|that|the)"
    r"(?: [a-z]+)?|-) \Z",
    re.IGNORECASE,
)
_REACH = 24  # characters before a figure that may contain its determiner
_ONLY_CLOSING = re.compile(r"[\"') ]*\Z")
_NEXT_WORD = re.compile(r" ([a-z]+)\b")
# Words after a measure that are not what is measured: "a 5 km or 10 km run" keeps its plural, "a 5
# km walk" does not.
_NOT_A_THING = frozenset(
    (  # noqa: SIM905 - a page of quoted words would hide the rule
        "a about above across after again ago ahead all along although an and apart are around as "
        "at away back because been before behind below between but by came can cost could deep did "
        "does down due each east else even every extra farther for from further had has have he "
        "her here high his if in into is it its just later less long made may more most must my "
        "north nor not now of off on onto or our out outside over per plus she should since so "
        "south still such tall than that the their them then there these they thick this those "
        "though through to today together too toward towards under until up was we went were west "
        "when where which while who wide will with within without would yet you your"
    ).split()
)


def is_attributive(match: re.Match[str]) -> bool:
    """Return whether a measure modifies the noun after it: "a 10 inch pan", "his $5 bill"."""
    following = _NEXT_WORD.match(match.string, match.end())
    if following is None or following[1] in _NOT_A_THING or following[1].endswith("ly"):
        return False
    return _DETERMINER.search(text_before(match, _REACH)) is not None


def is_last(match: re.Match[str]) -> bool:
    """Return whether only closing marks follow, so that the full stop ends the sentence."""
    return _ONLY_CLOSING.match(match.string, match.end()) is not None


def text_before(match: re.Match[str], reach: int) -> str:
    """Return the characters before a match, limited so that any text takes linear time."""
    return match.string[max(0, match.start() - reach) : match.start()]


def keep_stop(match: re.Match[str], words: str) -> str:
    """Restore the full stop that belonged to both an abbreviation and the sentence."""
    return f"{words}." if is_last(match) and match[0].endswith(".") else words
