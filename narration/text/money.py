"""Money as words: signs, codes, magnitudes, spans, prices per unit."""

import re

from narration.text.currencies import ABBREVIATED, CODES, SIGNS, Currency, currency
from narration.text.english import English
from narration.text.figures import (
    NUMBER,
    SCALES,
    SPAN,
    START,
    is_attributive,
)
from narration.text.numerals import cardinal, decimal
from narration.text.rules import DIGITS, alternatives, figure_rule, rule
from narration.text.units import CLDR_UNITS, SPELLINGS, unit_name

_SIGN = alternatives(SIGNS)
_SIGN_ENDS = "".join({sign[-1] for sign in SIGNS})
_SIGN_STARTS = f"[{re.escape(''.join({sign[0] for sign in SIGNS} | {'-'}))}]"
_CODE_STARTS = "".join({word[0] for word in ABBREVIATED} | {code[0] for code in CODES})
_SCALE = rf"(?:[ -]?(?P<scale>{alternatives(SCALES)})(?!\w))?"
_PER = r"(?P<per> ?/ ?(?:sq\.? ?ft\b\.?|[a-z]+))?(?![\w/])"
_PER_WORDS = {"mo": "month", "d": "day", "y": "year", "pp": "person", "pax": "person", "ea": "each"}
_WORDS_BEFORE = alternatives(set(ABBREVIATED) - {"fr", "kr", "Ft"})
_CODE = alternatives(CODES)


def _tail(match: re.Match[str], english: English) -> str:
    """Say what the price is for: /mo, /kg, /sq ft."""
    if not match["per"]:
        return ""
    unit = match["per"].strip(" /.").replace(".", "")
    if unit in _PER_WORDS:
        return f" per {_PER_WORDS[unit]}"
    known = SPELLINGS.get(unit, unit) in CLDR_UNITS
    return f" per {unit_name(unit, english, is_plural=False) if known else unit}"


def _amount(number: str, scale: str | None, money: Currency, english: English, *, one: bool) -> str:
    """Say a sum; `one` asks for the singular, as before a noun."""
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
    said = _amount(
        match["number"],
        match["scale"],
        currency(match["sign"]),
        english,
        one=not match["per"] and is_attributive(match),
    )
    minus = "minus " if match["minus"] else ""
    return f"{minus}{said}{_tail(match, english)}"


def _coded(match: re.Match[str], english: English) -> str:
    said = _amount(
        match["number"], match["scale"], currency(match["sign"]), english, one=is_attributive(match)
    )
    begins_sentence = not match.start() and match[0][0].isupper()
    return said[0].upper() + said[1:] if begins_sentence else said


def _span(match: re.Match[str], english: English) -> str:
    """Say two sums; the money's name is said once where it can be."""
    money = currency(match["sign"])
    scale, first_scale = match["scale"], match["first_scale"]
    last = _amount(match["number"], scale, money, english, one=is_attributive(match))
    first = match["first"]
    has_cents = any("." in n and n.partition(".")[2].strip("0") for n in (first, match["number"]))
    if (has_cents and not scale) or (first_scale and first_scale != scale):
        said = _amount(first, first_scale, money, english, one=False)
    else:
        said = decimal(first.partition(".")[0] if not has_cents else first, english)
    return f"{said} to {last}{_tail(match, english)}"


def _cents(match: re.Match[str], english: English) -> str:
    one, many = ("penny", "pence") if match["sign"] == "p" else ("cent", "cents")
    is_one = match["number"] == "1" or (match["sign"] != "p" and is_attributive(match))
    return f"{cardinal(match['number'], english)} {one if is_one else many}"


def _decimal_comma(match: re.Match[str], _: English) -> str:
    return match[0].replace(".", "").replace(",", ".")


MONEY = (
    # As the Continent writes it: 3,50 €, €1.234,56.
    rule(r"€ ?\d{1,3}(?:\.\d{3})*,\d{2}(?![\d,])", _decimal_comma, DIGITS, "€", ","),
    figure_rule(rf"{START}\d{{1,3}}(?:\.\d{{3}})*,\d{{2}}(?= ?€)", _decimal_comma, "€", ","),
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
        rf"(?<!\w)(?P<minus>-)?(?P<sign>{_SIGN}) ?-?(?P<number>{NUMBER}){_SCALE}{_PER}",
        _money,
        DIGITS,
        _SIGN_ENDS,
        starts=_SIGN_STARTS,
    ),
    figure_rule(
        rf"{START}(?P<number>{NUMBER}){_SCALE} ?(?P<sign>{_CODE}|{alternatives(ABBREVIATED)}"
        rf"|{_SIGN})"
        r"(?!\w| ?\d)(?!(?<=Ft)\.? (?:tall|high|long|wide|deep|above|below|square)\b)",
        _coded,
    ),
    rule(
        rf"(?<![\w.])(?P<sign>{_WORDS_BEFORE}|{_CODE})\.? ?(?P<number>{NUMBER}){_SCALE}(?!\w)",
        _coded,
        DIGITS,
        _CODE_STARTS,
        starts=f"[{_CODE_STARTS}]",
    ),
    figure_rule(rf"{START}(?P<number>\d+) ?(?P<sign>¢)", _cents, "¢"),
    figure_rule(rf"{START}(?P<number>\d{{1,2}})(?P<sign>p)(?!\w)(?!\.\d| ?\d)", _cents, "p"),
)
