"""Signs of arithmetic and comparison, powers, roots and scientific notation as words."""

import re

from narration.text.english import English
from narration.text.figures import NUMBER, START
from narration.text.numerals import cardinal, decimal, ordinal
from narration.text.rules import DIGITS, figure_rule, rule

_BETWEEN = {
    "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus", "*": "times",
    "<": "is less than", ">": "is greater than", "≤": "is less than or equal to", "·": "times",
    "≥": "is greater than or equal to", "≠": "is not equal to", "≈": "is approximately",
    "<=": "is less than or equal to", ">=": "is greater than or equal to", "!=": "is not equal to",
    "==": "equals", "≅": "is approximately", "≡": "is equivalent to", "∝": "is proportional to",
}  # fmt: skip
_TIGHT = r"[<>!=]=|[+=×÷±≤≥≠≈≅≡∝]"
_OPERAND = r"(?:[A-Za-z]|\d[\d.,]*)"


def _power(match: re.Match[str], english: English) -> str:
    exponent = match["exponent"].replace("−", "-")
    return f"{match['base']} {raised(exponent, english)}"


def raised(exponent: str, english: English) -> str:
    """Read an exponent: squared, to the tenth, to the minus nine."""
    if exponent in {"2", "3"}:
        return "squared" if exponent == "2" else "cubed"
    if exponent.lstrip("+").isdigit():
        return f"to the {ordinal(exponent.lstrip('+'), english)}"
    if exponent[1:].isdigit():
        return f"to the minus {cardinal(exponent[1:], english)}"
    return f"to the {exponent}"


def _scientific(match: re.Match[str], english: English) -> str:
    exponent = match["exponent"]
    sign = "-" if exponent[0] == "-" else ""
    power = sign + (exponent.lstrip("+-0") or "0")
    return f"{decimal(match['number'], english)} times ten {raised(power, english)}"


def _operator(match: re.Match[str], _: English) -> str:
    return f" {_BETWEEN[match['sign']]} "


def _root(match: re.Match[str], _: English) -> str:
    return f"{match['the'] or 'the '}square root of "


ARITHMETIC = (
    figure_rule(
        rf"{START}(?P<number>\d+\.\d+|\d+(?=e|E[-+]))[eE](?P<exponent>[-+]?\d{{1,3}})"
        r"(?!\w)",
        _scientific,
        "eE",
    ),
    rule(
        rf"(?P<base>(?<![\w.])(?:{NUMBER}|(?<!\d )[^\W\d_]{{1,3}})|"
        rf"\))\^\(?(?P<exponent>[-+]?\d{{1,4}}|[a-z])\)?(?!\w)",
        _power,
        "^",
    ),
    rule(r"(?P<the>\b[Tt]he )?√ ?", _root, "√"),
    rule(r"(?<=10)(?P<sign>[-−])(?=\d+ (?:times|to the))", " minus ", DIGITS, "-"),
    # A hyphen is a minus in a complete equation: 9-4=5.
    rule(r"(?<=\d)(?P<sign> ?[-–] ?)(?=\d[\d.,]* ?=)", " minus ", DIGITS, "="),
    rule(rf"(?<=[\dA-Za-z)]) ?(?P<sign>{_TIGHT}) ?(?=[\d(A-Za-z√-])", _operator, "+=×÷±≤≥≠≈≅≡∝<>!"),
    rule(
        rf"(?<![^\s(])(?P<first>{_OPERAND}) ?(?P<sign>[*<>]) ?(?={_OPERAND}(?!\w))",
        lambda m, _: f"{m['first']} {_BETWEEN[m['sign']]} ",
        "*<>",
    ),
    rule(
        r"(?<![^\s(])(?P<first>[A-Za-z]) (?P<sign>[-–]) (?=(?:[a-z]|\d+)(?!\w))",
        lambda m, _: f"{m['first']} minus ",
        "-–",
    ),
)
DIMENSIONS = (
    rule(r"(?<=\d) ?[×x] ?(?=\d[\d.,]* ?=)", " times ", DIGITS, "="),
    rule(r"(?<=\d) ?[×x*] ?(?=10\^)", " times ", DIGITS, "^"),
    rule(r"(?<=\d)( ?)[×x]( ?)(?=\d)", " by ", DIGITS, "×x"),
    rule(r"(?<=\d['\"′″]) ?[×x] ?(?=\d)", " by ", DIGITS, "×x", "'\"′″"),
    rule(r"(?<=\d) ?×(?!\w)", " times", DIGITS, "×"),
)
