"""Measures with numbers in continental notation: 12 500 km, 1 000 000 people, 2,5 kg."""

import re

from narration.text.english import English
from narration.text.figures import START, text_before
from narration.text.rules import DIGITS, alternatives, figure_rule, rule
from narration.text.units import CLDR_UNITS, OWN_UNITS, SPELLINGS

_UNIT = alternatives({*CLDR_UNITS, *OWN_UNITS, *SPELLINGS} - {"in"})
_METRIC = r"[kcm]?m|[km]?g|[cm]?l|[kMG]?Hz|k?W|kWh|km/h|%|°C"
# Countable although they do not end in s; then words that end in s and are not countable.
_COUNTED = "people|men|women|children|feet|sheep|cattle|troops|percent|euro|yen"
_NOT_COUNTED = "was|is|has|does|his|its|this|as|us|across|less|plus|minus|towards|always|perhaps"
# "In Group 5 100 patients", "at 7 300 men": two numbers.
_NUMBERED_BEFORE = re.compile(
    r"(?:(?!(?:Some|About|Around|Over|Nearly|Almost|Only|Roughly|The|These|Those|All|Of|With|"
    r"Its|From|For|By) )\b[A-Z]\w{0,11}|\b(?:at|aged?|pages?|figure|table|part|group|day|room|"
    r"chapter|step|no\.)) \Z"
)
_REACH = 14  # characters before a number that show whether it is two


def _grouped(match: re.Match[str], _: English) -> str:
    """Write the spaces as commas, which other rules understand."""
    number = match["number"]
    if number.count(" ") == 1 and _NUMBERED_BEFORE.search(text_before(match, _REACH)):
        return match[0]
    return number.replace(" ", ",")


def _decimal_comma(match: re.Match[str], _: English) -> str:
    return match[0].replace(",", ".")


GROUPED = (
    rule(
        rf"{START}(?<!\d )(?P<number>[1-9]\d{{0,2}}(?: \d{{3}}){{1,4}})"
        rf"(?= ?(?:{_UNIT}|Ft|%|€|°)(?![\w.']\w)"
        rf"| (?!(?:{_NOT_COUNTED})\b)(?:[a-z]+s|{_COUNTED})\b)",
        _grouped,
        DIGITS,
        starts=r"[1-9]\d{0,2}(?= \d{3}(?!\d))",
    ),
    figure_rule(
        rf"{START}\d{{1,4}},\d{{1,2}}(?= ?(?:{_METRIC})(?![\w.']\w|\w))", _decimal_comma, ","
    ),
)
