"""Measures as words: figures with units, degrees, feet and inches, percentages, thousands."""

import re

from narration.text.arithmetic import raised
from narration.text.english import English
from narration.text.figures import (
    MIXED,
    NUMBER,
    SCALE_WORDS,
    SCALES,
    SPAN,
    START,
    is_attributive,
    keep_stop,
    text_before,
)
from narration.text.fractions import number_or_mixed
from narration.text.numerals import cardinal, decimal, in_pairs
from narration.text.rules import alternatives, figure_rule
from narration.text.units import CLDR_UNITS, OWN_UNITS, SPELLINGS, unit_name

# Words rather than abbreviations: unchanged after a number, but also allowed after a slash.
_WORDS = frozenset(
    ("feet", "foot", "inches", "inch", "miles", "mile", "meters", "metres", "hours", "hour")
) | {"second", "liter", "litre", "kelvin"}
# "in" is a word: only with a full stop, or between two sizes.
_SIZES = "in"
_ABBREVIATED = {*CLDR_UNITS, *OWN_UNITS, *SPELLINGS} - _WORDS - {_SIZES}
_PER = {
    "s^2": "second squared", "s2": "second squared", "day": "day", "d": "day", "week": "week",
    "month": "month", "year": "year", "y": "year", "minute": "minute", "person": "person",
    "capita": "capita", "gallon": "gallon", "pound": "pound",
}  # fmt: skip
_DOTTED = alternatives(_ABBREVIATED).replace(r"\ ", r"\.? ?")  # sq. ft., fl.oz.
_BELOW = alternatives({*_ABBREVIATED, *_WORDS, *_PER})
_UNIT = rf"(?P<unit>{_DOTTED}|in(?=\.(?: ?[a-z,;x×]|-)| ?[x×] ?\d))(?: ?/ ?(?P<per>{_BELOW}))?"
_END = r"(?![\w'′/^&]|\.[A-Z]| [A-Z]\b)(?P<stop>\.(?= ?[a-z,;:)]|-))?"
_FIGURE = (
    rf"(?P<number>{MIXED}|\d{{1,3}}/\d{{1,3}}(?![\d/])|{NUMBER})(?: (?P<scale>{SCALE_WORDS}))?"
)
_FIRST_SIZE = re.compile(r"\d[\"'] ?(?:by|x|×) ?\Z")  # 10' by 12'
_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}


def _unit(match: re.Match[str], english: English, *, is_plural: bool) -> str:
    written = match["unit"].replace(".", "")
    if written not in _ABBREVIATED:  # sqft
        written = re.sub(r"^(sq|cu|fl) ?", r"\1 ", written)
    words = unit_name(written, english, is_plural=is_plural)
    below = match["per"]
    if not below:
        return words
    return f"{words} per {_PER.get(below) or unit_name(below, english, is_plural=False)}"


def _measure(match: re.Match[str], english: English) -> str:
    number, gap = match["number"], match["gap"]
    if not gap and match["unit"] == "s" and "." not in number and not is_attributive(match):
        return match[0]  # two 5s, a row of B-17s: plurals
    is_one = gap == "-" or is_attributive(match)
    scale = f" {match['scale']}" if match["scale"] else ""
    words = number_or_mixed(number, english)
    if words is None:
        is_one = is_one or (number == "1" and not scale)
        return f"{decimal(number, english)}{scale} {_unit(match, english, is_plural=not is_one)}"
    if number[0] == "1" and number.find("/") == 1 and not is_one:
        return _part(words, _unit(match, english, is_plural=False))
    if is_one:
        return f"{words.removesuffix('s')} {_unit(match, english, is_plural=False)}"
    if " and " not in words:
        return _part(words, _unit(match, english, is_plural=False))
    return f"{words} {_unit(match, english, is_plural=True)}"


def _part(words: str, unit: str) -> str:
    """Read a fraction of one unit: half a pound, three quarters of a mile."""
    article = "an" if unit.startswith(("a", "e", "i", "o", "u", "hour")) else "a"
    return f"half {article} {unit}" if words == "one half" else f"{words} of {article} {unit}"


def _per(match: re.Match[str], english: English) -> str:
    unit = _PER.get(match["unit"]) or unit_name(match["unit"], english, is_plural=False)
    return f"{decimal(match['number'], english)} per {unit}"


def _percent(match: re.Match[str], english: English) -> str:
    number = match["number"]
    return f"{number_or_mixed(number, english) or decimal(number, english)} percent"


def _span(match: re.Match[str], _: English) -> str:
    """Write "to" between two measures of one unit; the first unit may be left out."""
    return f"{match['first']} to "


def _thousands(match: re.Match[str], english: English) -> str:
    return f"{decimal(match['number'], english)} {SCALES[match['scale']]}"


def _height(match: re.Match[str], english: English) -> str:
    feet, inches = match["feet"], match["inches"]
    is_one = is_attributive(match)
    first = "foot" if is_one or feet == "1" else "feet"
    second = "inch" if is_one or inches == "1" else "inches"
    return f"{cardinal(feet)} {first} {decimal(inches, english)} {second}"


def _powered(match: re.Match[str], english: English) -> str:
    """Read 10^3 m^2: the unit is matched before the powers of either are read."""
    power = raised(match["exponent"].replace("−", "-"), english)
    return f"{match['base']} {power} {_unit(match, english, is_plural=True)}"


def _pressure(match: re.Match[str], english: English) -> str:
    """Read the two figures of a blood pressure, 120/80, which is not a fraction."""
    unit = match["unit"]
    if not (unit or _PRESSURE_BEFORE.search(text_before(match, _PRESSURE_REACH))):
        return match[0]
    words = f"{in_pairs(match['upper'])} over {cardinal(match['lower'], english)}"
    return f"{words} {unit_name('mmHg', english, is_plural=True)}" if unit else words


def _arc(match: re.Match[str], english: English) -> str:
    parts = []
    for group, unit in (("degrees", "degree"), ("minutes", "minute"), ("seconds", "second")):
        if match[group]:
            figure = match[group].lstrip("0") or "0"
            parts.append(f"{decimal(figure, english)} {unit}{'' if figure == '1' else 's'}")
    direction = f" {_COMPASS[match['compass']]}" if match["compass"] else ""
    return keep_stop(match, ", ".join(parts) + direction)


def _inches(match: re.Match[str], english: English) -> str:
    """Read the marks of feet and inches; a straight one may also close a quotation."""
    mark, number = match["mark"], match["number"]
    is_quote = mark in "\"'" and not _is_size(match)
    if is_quote:
        return match[0]
    one, many = ("foot", "feet") if mark in "'′" else ("inch", "inches")
    is_one = number == "1" or is_attributive(match)
    words = number_or_mixed(number, english) or decimal(number, english)
    return f"{words} {one if is_one else many}"


def _is_size(match: re.Match[str]) -> bool:
    text = match.string
    if _FIRST_SIZE.search(text_before(match, 8)):
        return True
    if text[: match.start()].count(match["mark"]) % 2:
        return False
    following = text[match.end() : match.end() + 8]
    is_dimension = re.match(r" ?(?:[x×] ?\d|by \d|(?:tall|wide|high|long|deep|thick)\b)", following)
    return bool(is_dimension) or is_attributive(match) or match[0] == text


_PRESSURE_REACH = 40
_PRESSURE_BEFORE = re.compile(r"\b(?:pressure|BP)\b[^.;]{0,30}\Z")
_AN_UNIT = alternatives({"%", "°C", "°F", "°", *_ABBREVIATED})
MEASURES = (
    figure_rule(
        rf"{START}(?P<upper>[6-9]\d|1\d\d|2[0-4]\d)/(?P<lower>[3-9]\d|1[0-4]\d)(?![\w/]|\.\d)"
        r"(?P<unit> ?mm ?Hg\b)?",
        _pressure,
        "/",
        words=("mmHg", "mm Hg", "pressure", "BP"),
    ),
    figure_rule(
        rf"{START}(?P<number>{NUMBER})/(?P<unit>kg|km|h|hr|min|sec|day|mi|lb|ml|"
        r"L)(?![\w/])",
        _per,
        "/",
    ),
    figure_rule(
        rf"{START}(?P<degrees>\d{{1,3}})° ?(?P<minutes>\d{{1,2}}) ?['′](?: ?(?P<seconds>\d{{1,2}}"
        r"(?:\.\d+)?) ?[\"″])?(?: ?(?P<compass>[NSEW])\b\.?)?",
        _arc,
        "°",
    ),
    figure_rule(
        rf"{START}(?P<degrees>{NUMBER}) ?° ?(?P<minutes>)(?P<seconds>)(?P<compass>[NSEW])\b\.?",
        _arc,
        "°",
    ),
    figure_rule(
        rf"{START}(?P<feet>\d{{1,3}})['′] ?-?(?P<inches>\d{{1,2}}(?:\.5)?)(?:[\"″]|'')",
        _height,
        "'′",
    ),
    figure_rule(
        rf"{START}(?P<number>{MIXED}|\d/\d{{1,2}}|{NUMBER}) ?(?P<mark>[\"″'′])(?!\w)",
        _inches,
        "\"″'′",
    ),
    figure_rule(
        rf"{START}(?P<first>(?:{NUMBER}))(?: ?(?P<same>{_AN_UNIT}))?{SPAN}"
        rf"(?=(?:{NUMBER}) ?(?(same)(?P=same)|(?:{_AN_UNIT}))(?!\w))",
        _span,
        "-–",
    ),
    figure_rule(
        rf"{START}(?P<number>{NUMBER})(?P<scale>k|K|M|bn|tn)"
        r"(?! (?i:run|race|walk|video|tv|hd|uhd|resolution|display|monitor|screen|footage)\b)"
        r"(?![\w-])",
        _thousands,
        "kKMn",
    ),
    figure_rule(
        rf"{START}(?P<number>{NUMBER})(?P<scale>[mBb])(?= (?:people|users|viewers|views|"
        r"customers|"
        r"members|copies|tons|tonnes|barrels|jobs|workers|children|women|men|voters|readers|"
        r"followers|homes|households|dollars|pounds|euros)\b)",
        _thousands,
        "mBb",
    ),
    figure_rule(rf"{START}(?P<number>{MIXED}|{NUMBER}) ?%", _percent, "%"),
    figure_rule(rf"{START}{_FIGURE}(?P<gap> ?|-){_UNIT}{_END}", _measure),
)
POWERED = (
    figure_rule(
        rf"{START}(?P<base>{NUMBER})\^(?P<exponent>[-+−]?\d{{1,4}}) {_UNIT}{_END}", _powered, "^"
    ),
)
HEIGHTS = (
    # Without the last mark: a tall man is five'ten.
    figure_rule(
        rf"{START}(?P<feet>[3-8])['′](?P<inches>1[01]|\d)(?![\w'\"′″]|[.,]\d)", _height, "'′"
    ),
    figure_rule(
        rf"{START}(?P<feet>\d{{1,3}}) ?(?:ft|feet|foot)\b\.?,? (?P<inches>\d{{1,2}}(?:\.5)?) ?"
        r"in(?:\.(?=[ ,;]?[a-z,;)])|(?= (?:tall|high|long|wide|deep|thick|by|x)\b|[,;.)]|$))",
        _height,
    ),
)
