"""Money as words: signs, codes, magnitudes, ranges, prices per unit."""

import re

from narration.text.currencies import (
    ABBREVIATED,
    CODES,
    ONLY_BEHIND,
    POINTED,
    SIGNS,
    Currency,
    currency,
)
from narration.text.english import English
from narration.text.figures import (
    NUMBER,
    SCALES,
    SPAN,
    START,
    is_attributive,
    text_before,
)
from narration.text.numerals import cardinal, decimal
from narration.text.rules import DIGITS, alternatives, figure_rule, rule
from narration.text.units import CLDR_UNITS, OWN_UNITS, SPELLINGS, unit_name

_SIGN = alternatives(SIGNS)
_SIGN_ENDS = "".join({sign[-1] for sign in SIGNS})
_SIGN_STARTS = f"[{re.escape(''.join({sign[0] for sign in SIGNS} | {'-'}))}]"
_CODE_STARTS = "".join({word[0] for word in ABBREVIATED} | {code[0] for code in CODES})
_MARK_STARTS = re.escape("".join({name[0] for name in (*ABBREVIATED, *SIGNS, *CODES)}))
_SCALE = rf"(?:[ -]?(?P<scale>{alternatives(SCALES)})(?!\w))?"
_CODE = alternatives(CODES)
_UNIT = (
    rf"(?:sq\.? ?ft\b\.?|(?!(?:{_CODE})\b)(?:[a-z]+|[A-Za-z]{{1,4}})(?:\^?[23]|[²³])?"
    r"|10{1,3}|1,000)"
)
_PER = rf"(?P<per>(?: ?/ ?{_UNIT}(?![\w^])){{1,2}})?(?!\w| ?/ ?\w)"
_PER_WORDS = {
    "mo": "month", "d": "day", "y": "year", "pp": "person", "pax": "person", "ea": "each",
    "t": "metric ton", "wk": "week", "hr": "hour", "yr": "year",
}  # fmt: skip
_REACH = 8  # characters around a sum that may contain its sign, code or abbreviation
_BEFORE = alternatives(set(ABBREVIATED) - ONLY_BEHIND)
_MARK_BEFORE = rf"(?<![\w.])(?<!\d )(?P<sign>{_BEFORE}|{_CODE})\.?"
_MARK_BEHIND = (
    rf"(?=[{_MARK_STARTS}])(?P<sign>{_CODE}|{alternatives(ABBREVIATED)}|{_SIGN})(?!\w| ?\d)"
    # Feet, not forints.
    r"(?!(?<=Ft)\.? (?:tall|high|long|wide|deep|above|below|square)\b)"
)
_ENDS_IN_MARK = re.compile(rf"(?<!\w)(?P<sign>{_BEFORE}|{_CODE}|{_SIGN})\.? ?\Z")
_BEGINS_WITH_MARK = re.compile(rf" ?(?P<sign>{_CODE}|{alternatives(ABBREVIATED)}|{_SIGN})(?!\w)")
_DASHED_BEHIND = frozenset("$£")  # a dash after a sum in these belongs to the sentence
_SQUARED = str.maketrans("²³", "23", "^")


def _tail(match: re.Match[str], english: English) -> str:
    """Read the unit of a price: /mo, /kg, /sq ft."""
    if not match["per"]:
        return ""
    units = [unit.strip(" .").replace(".", "") for unit in match["per"].split("/")[1:]]
    return "".join(f" per {_unit(unit, english)}" for unit in units)


def _unit(unit: str, english: English) -> str:
    unit = unit.translate(_SQUARED)
    if unit in _PER_WORDS:
        return _PER_WORDS[unit]
    known = SPELLINGS.get(unit, unit)
    is_known = known in CLDR_UNITS or known in OWN_UNITS
    return unit_name(unit, english, is_plural=False) if is_known else unit


def _amount(number: str, scale: str | None, money: Currency, english: English, *, one: bool) -> str:
    """Read a sum; `one` requests the singular, as before a noun."""
    if scale:
        return f"{decimal(number, english)} {SCALES[scale]} {money.one if one else money.many}"
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    if fraction and (len(fraction) > 2 or not money.cent):
        return f"{decimal(f'{whole}.{fraction}', english)} {money.one if one else money.many}"
    cents = int(fraction.ljust(2, "0")) if fraction else 0
    parts = []
    if whole.strip("0,") or not cents:
        is_one = one or whole == "1"
        parts.append(f"{cardinal(whole or '0', english)} {money.one if is_one else money.many}")
    if cents:
        is_one = one or cents == 1
        parts.append(f"{cardinal(str(cents), english)} {money.cent if is_one else money.cents}")
    return " and ".join(parts)


def _money(match: re.Match[str], english: English) -> str:
    words = _amount(
        match["number"],
        match["scale"],
        currency(match["code"] or match["sign"]),
        english,
        one=not match["per"] and is_attributive(match),
    )
    minus = "minus " if match["minus"] or match["inner"] else ""
    return f"{minus}{words}{_tail(match, english)}"


def _coded(match: re.Match[str], english: English) -> str:
    words = _amount(
        match["number"],
        match["scale"],
        currency(match["sign"]),
        english,
        one=not match["per"] and is_attributive(match),
    )
    begins_sentence = not match.start() and match[0][0].isupper()
    words = words[0].upper() + words[1:] if begins_sentence else words
    return f"{words}{_tail(match, english)}"


def _span(match: re.Match[str], english: English) -> str:
    """Read two sums, naming the currency once if possible."""
    money = currency(match["sign"])
    scale, first_scale = match["scale"], match.groupdict().get("first_scale")
    last = _amount(match["number"], scale, money, english, one=is_attributive(match))
    first = match["first"]
    has_cents = any("." in n and n.partition(".")[2].strip("0") for n in (first, match["number"]))
    if (has_cents and not scale) or (first_scale and first_scale != scale):
        words = _amount(first, first_scale, money, english, one=False)
    else:
        words = decimal(first.partition(".")[0] if not has_cents else first, english)
    return f"{words} to {last}{_tail(match, english)}"


def _cents(match: re.Match[str], english: English) -> str:
    one, many = ("penny", "pence") if match["sign"] == "p" else ("cent", "cents")
    is_one = match["number"] == "1" or (match["sign"] != "p" and is_attributive(match))
    return f"{cardinal(match['number'], english)} {one if is_one else many}"


def _continental(match: re.Match[str], _: English) -> str:
    """Rewrite a sum in English notation if it is next to a currency: 3,50 €, Rp50.000, 50,- zł."""
    number = match[0]
    before = text_before(match, _REACH)
    behind = match.string[match.end() : match.end() + _REACH]
    mark = _ENDS_IN_MARK.search(before)
    if mark is None and not before[-1:].isalnum():
        mark = _BEGINS_WITH_MARK.match(behind)
    if mark is None or (number[-1] in "-–—" and mark["sign"] in _DASHED_BEHIND):
        return number
    if "," in number or number[-1] in "-–—":
        return number.rstrip("-–—.,").replace(".", "").replace(",", ".")
    is_pointed = mark["sign"] in POINTED or number.count(".") > 1
    return number.replace(".", "") if is_pointed else number


MONEY = (
    figure_rule(
        r"\d{1,3}(?:\.\d{3})*+\d*[.,][-–—]{1,2}(?![\w\"'“‘])"
        r"|(?:\d{1,3}(?:\.\d{3})+|\d+(?=,\d))(?:,\d{1,2})?(?!\d|[.,]\d)",
        _continental,
        ".,",
    ),
    rule(
        rf"(?<!\w)(?P<sign>{_SIGN}) ?(?P<first>{NUMBER})(?: ?"
        rf"(?P<first_scale>{alternatives(SCALES)})"
        rf"(?!\w))?{SPAN}(?:(?P=sign) ?)?(?P<number>{NUMBER}){_SCALE}{_PER}",
        _span,
        DIGITS,
        _SIGN_ENDS,
        "-–",
        starts=_SIGN_STARTS,
    ),
    rule(
        rf"(?<!\w)(?P<minus>-)?(?P<sign>{_SIGN}) ?(?P<inner>-)?(?P<number>{NUMBER}){_SCALE}"
        rf"(?: (?P<code>{_CODE})(?!\w))?{_PER}",
        _money,
        DIGITS,
        _SIGN_ENDS,
        starts=_SIGN_STARTS,
    ),
    figure_rule(
        rf"{START}(?P<first>{NUMBER}){SPAN}(?P<number>{NUMBER}){_SCALE} ?{_MARK_BEHIND}{_PER}",
        _span,
        "-–",
    ),
    rule(
        rf"{_MARK_BEFORE} ?(?P<first>{NUMBER}){SPAN}(?:(?P=sign)\.? ?)?(?P<number>{NUMBER})"
        rf"{_SCALE}{_PER}",
        _span,
        DIGITS,
        _CODE_STARTS,
        "-–",
        starts=f"[{_CODE_STARTS}]",
    ),
    figure_rule(rf"{START}(?P<number>{NUMBER}){_SCALE} ?{_MARK_BEHIND}{_PER}", _coded),
    rule(
        rf"{_MARK_BEFORE} ?(?P<number>{NUMBER}){_SCALE}{_PER}",
        _coded,
        DIGITS,
        _CODE_STARTS,
        starts=f"[{_CODE_STARTS}]",
    ),
    figure_rule(rf"{START}(?P<number>\d+) ?(?P<sign>¢)", _cents, "¢"),
    figure_rule(rf"{START}(?P<number>\d{{1,2}})(?P<sign>p)(?!\w)(?!\.\d| ?\d)", _cents, "p"),
)
