"""Postal addresses as words: houses, streets, states, postcodes."""

import re

from narration.text.english import English
from narration.text.figures import is_last
from narration.text.numerals import cardinal, in_pairs, ordinal, spell_digits
from narration.text.rules import DIGITS, alternatives, figure_rule, rule

STREETS = {
    "St": "Street", "Ave": "Avenue", "Av": "Avenue", "Rd": "Road", "Blvd": "Boulevard",
    "Dr": "Drive", "Ln": "Lane", "Ct": "Court", "Pl": "Place", "Sq": "Square", "Hwy": "Highway",
    "hwy": "Highway", "st": "Street", "ave": "Avenue", "rd": "Road", "blvd": "Boulevard",
    "Expy": "Expressway", "Expwy": "Expressway", "Pkwy": "Parkway",
    "Ter": "Terrace", "Terr": "Terrace", "Cir": "Circle", "Cres": "Crescent", "Gdns": "Gardens",
    "Trl": "Trail", "Fwy": "Freeway", "Tpke": "Turnpike", "Bldg": "Building", "Rte": "Route",
    "Aly": "Alley", "Xing": "Crossing",
}  # fmt: skip
# Unambiguous: they need no number before the name.
_SAFE = ("Ave", "Rd", "Blvd", "Hwy", "Expy", "Expwy", "Pkwy", "Fwy", "Tpke", "Bldg", "Cres", "Gdns")
_COMPASS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest",
    "SE": "Southeast", "SW": "Southwest",
}  # fmt: skip
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "D C", "FL": "Florida",
    "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin",
    "WY": "Wyoming", "PR": "Puerto Rico",
}  # fmt: skip
# Also degrees, words and exclamations: these need a postcode.
_DOUBTFUL = {
    "OK",
    "OR",
    "IN",
    "ME",
    "HI",
    "OH",
    "DC",
    "MD",
    "MS",
    "LA",
    "MA",
    "AL",
    "ID",
    "PR",
    "DE",
}
_INNER = {"Apt": "Apartment", "Rm": "Room", "Fl": "Floor", "Ste": "Suite", "Bldg": "Building"}
# Words that begin a sentence after "31 Birch St.", unlike the name of a saint.
_STARTERS = (
    "He|She|It|They|We|You|I|The|This|That|There|Then|When|While|But|And|Or|So|If|In|On|At|As|For|"
    "From|By|His|Her|Its|Their|My|Our|Your|What|Who|Why|How|Where|No|Yes|Not|Now|After|Before|A|An"
)
_NUMBERED_STREET = (
    r"First|Second|Third|Fourth|Fifth|Sixth|Seventh|Eighth|Ninth|Tenth|Eleventh|Twelfth|"
    r"\d{1,3}(?:st|"
    r"nd|rd|th)|Main|High|Church|Market|Elm|Oak|Maple|Pine|Cedar|Broad|Water|Wall|Bond|Fleet|Baker"
)


def _street(match: re.Match[str], _: English) -> str:
    """Read a house number with its street; a full stop that ends the sentence stays."""
    house = in_pairs(match["house"])
    compass = f"{_COMPASS[match['compass']]} " if match["compass"] else ""
    name = re.sub(r"(\d+)(?:st|nd|rd|th)", lambda m: ordinal(m[1]), match["name"])
    last = f" {_COMPASS[match['last']]}" if match["last"] else ""
    return f"{house} {compass}{name} {STREETS[match['kind']]}{last}{_stop(match)}"


def _suffix(match: re.Match[str], _: English) -> str:
    return f"{match['name']} {STREETS[match['kind']]}{_stop(match)}"


def _stop(match: re.Match[str]) -> str:
    """Keep a full stop that also ends the sentence: at the end, or before a first word."""
    if not match["stop"]:
        return ""
    is_end = is_last(match) or _NEXT_SENTENCE.match(match.string, match.end())
    return "." if is_end else ""


def _state(match: re.Match[str], _: English) -> str:
    state, code = match["state"], match["code"]
    if state not in STATES or (not code and state in _DOUBTFUL):
        return match[0]
    words = ", ".join(spell_digits(group) for group in (code or "").split("-") if group)
    return f"{match['before']}{STATES[state]}{' ' if words else ''}{words}"


def _postcode(match: re.Match[str], _: English) -> str:
    """Read SW1A 2AA and K1A 0B1 in two groups, letter by letter."""
    return f"{_spell(match['out'])}, {_spell(match['in'])}"


def _spell(text: str) -> str:
    runs = re.findall(r"\d+|[A-Z]", text)
    return " ".join(cardinal(run) if run.isdigit() else run for run in runs)


def _inner(match: re.Match[str], _: English) -> str:
    number = re.sub(r"\d+", lambda m: f"{in_pairs(m[0])} ", match["number"]).strip()
    return f"{_INNER[match['kind']]} {number}"


_NEXT_SENTENCE = re.compile(rf"[\"')]* [\"'(]?(?:{_STARTERS})\b")
_KIND = alternatives(STREETS)
_KINDS = tuple(f" {kind}" for kind in STREETS)
_STOP = r"(?P<stop>\.(?=[\"')]*(?:$|[ ,;:])))?(?![\w'])"
POSTCODES = (
    rule(
        r"(?P<before>\b[A-Z][A-Za-z.'-]+,? )(?P<state>[A-Z]{2})"
        r",? (?P<code>\d{5}(?:-\d{4})?)(?![\w-])",
        _state,
        DIGITS,
    ),
    rule(r"(?<![\w-])(?P<out>[A-Z]{1,2}\d[A-Z\d]?) (?P<in>\d[A-Z]{2})(?![\w-])", _postcode, DIGITS),
    rule(r"(?<![\w-])(?P<out>[A-Z]\d[A-Z]) (?P<in>\d[A-Z]\d)(?![\w-])", _postcode, DIGITS),
)
POSTCODES_GUARD = r"[A-Z\d](?:(?<=[A-Z])\d|(?<=\d)\d{4})"
STREET_NAMES = (
    figure_rule(
        rf"(?<![\w.,$£€#/-])(?P<house>\d{{1,5}}) (?:(?P<compass>N|S|E|W|NE|NW|SE|SW)\.? )?"
        rf"(?P<name>(?:[A-Z][A-Za-z'-]*|\d{{1,3}}(?:st|nd|rd|th))(?:\.? [A-Z][A-Za-z'-]+){{0,2}}) "
        rf"(?P<kind>{_KIND}){_STOP}(?: (?P<last>N|S|E|W|NE|NW|SE|SW)(?!\w|\.[A-Z]))?",
        _street,
        words=_KINDS,
    ),
    rule(
        rf"\b(?P<name>{_NUMBERED_STREET}) (?P<kind>{_KIND}){_STOP}(?! (?!(?:{_STARTERS})\b)[A-Z])",
        _suffix,
        words=_KINDS,
    ),
    rule(
        rf"\b(?P<name>[A-Z][a-z]+) (?P<kind>{'|'.join(_SAFE)}){_STOP}",
        _suffix,
        words=tuple(f" {kind}" for kind in _SAFE),
    ),
    rule(
        rf"(?P<before>(?<=[a-z.]), )(?P<state>{alternatives(STATES)})(?P<code>)"
        r"(?=[,;:)]|\.?[\"')]*$|\.? [a-z])",
        _state,
        ",",
    ),
    rule(
        r"\b(?P<kind>Apt|Rm|Fl|Ste|Bldg)\.? ?(?P<number>\d{1,4}[A-Z]?|[A-Z])(?!\w|[.,]\d)",
        _inner,
        words=tuple(_INNER),
    ),
    rule(r"\bP\. ?O\. (?=Box\b)", "P O ", words=("O. Box",)),
)
