"""Numbers that are dialled or copied, not counted: telephones, ISBNs, cards, codes."""

import re

from narration.text.english import English
from narration.text.numerals import cardinal, spell_digits
from narration.text.rules import DIGITS, figure_rule, rule

_TOLL_FREE = "800|888|877|866|855|844|833|822"
_EMERGENCY = "911|999|112|111|000|311|411|511|611|711|811|988|101|110|119"
_GROUP = re.compile(r"\d+|[A-Z]+")
_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension) ?(?P<extension>\d{1,6}))?"
_NOT_AFTER = r"(?<![\w.$£€-])(?<!\d[,/])"
_NOT_BEFORE = r"(?![\w-]|[.,/]\d)"


def _groups(text: str) -> str:
    """Say groups of digits one by one, with a pause after each."""
    return ", ".join(spell_digits(group) for group in re.findall(r"\d+", text))


def _phone(match: re.Match[str], _: English) -> str:
    said = _groups(match["number"])
    if match["number"].startswith("+"):
        said = f"plus {said}"
    extension = match["extension"]
    return f"{said}, extension {spell_digits(extension)}" if extension else said


def _toll_free(match: re.Match[str], _: English) -> str:
    rest = match["rest"]
    said = (
        ", ".join(spell_digits(g) for g in re.findall(r"\d+", rest))
        if not re.search("[A-Z]", rest)
        else " ".join(cardinal(g) if g.isdigit() else g for g in _GROUP.findall(rest))
    )
    area = match["area"]
    spoken_area = f"{cardinal(area[0])} hundred" if area == "800" else spell_digits(area)
    return f"{'plus ' if match['plus'] else ''}one, {spoken_area}, {said}"


def _dialled(match: re.Match[str], _: English) -> str:
    return f"{match['before']}{spell_digits(match['number'])}"


def _book_number(match: re.Match[str], _: English) -> str:
    digits = match["number"].upper()
    groups = ", ".join(
        " ".join("X" if c == "X" else spell_digits(c) for c in group)
        for group in re.split(r"[ -]+", digits)
        if group
    )
    colon = ":" if match["colon"] else ""
    return f"{' '.join(match['kind'])}{colon} {groups}"


TELEPHONE = (
    rule(
        r"\b(?P<kind>ISBN|ISSN)(?:-1[03])?(?P<colon>:?) ?(?P<number>\d[\d -]{6,15}[\dXx])"
        r"(?![\w-])",
        _book_number,
        DIGITS,
        words=("ISBN", "ISSN"),
    ),
    rule(
        rf"(?<![\w-])(?P<plus>\+)?1[-. ]\(?(?P<area>{_TOLL_FREE})\)?[-. ](?P<rest>[A-Z\d]{{1,8}}"
        r"(?:[-. ][A-Z\d]{1,8}"
        r"){0,4})(?![\w-])",
        _toll_free,
        DIGITS,
        words=("1-8", "1 8", "1.8", "1-(8", "1 (8"),
    ),
    # Any country: +44 161 496 0018.
    rule(
        r"(?<![\w.-])(?P<number>\+\d{1,3}(?:[ .-]?\(\d{1,5}\))?(?:[ .-]\d{2,5}){2,5})(?![\w-]|"
        r"[.,]\d)"
        rf"{_EXTENSION}",
        _phone,
        "+",
        DIGITS,
    ),
    # North America: area code, exchange, line; a trailing group is an extension.
    rule(
        rf"(?P<number>\(\d{{3}}\)[-. ]?\d{{3}}[-. ]\d{{4}}(?:-\d{{1,4}})?"
        rf"){_NOT_BEFORE}{_EXTENSION}",
        _phone,
        DIGITS,
        "(",
        "-. ",
    ),
    figure_rule(
        rf"{_NOT_AFTER}(?P<number>(?:1[-. ]? ?)?(?:\(\d{{3}}\)[-. ]?|"
        rf"\d{{3}}[-. ])\d{{3}}[-. ]\d{{4}}"
        rf"(?:-\d{{1,4}})?){_NOT_BEFORE}{_EXTENSION}",
        _phone,
        "-. ",
    ),
    figure_rule(rf"{_NOT_AFTER}(?P<number>\d{{3}}-\d{{4}}){_NOT_BEFORE}{_EXTENSION}", _phone, "-"),
    # As Britain writes its own: 0161 496 0018, 020 7946 0958.
    rule(
        rf"{_NOT_AFTER}(?P<number>\(?0\d{{2,4}}\)?[ -]\d{{3,4}}[ -]?\d{{3,4}}"
        rf"){_NOT_BEFORE}{_EXTENSION}",
        _phone,
        "0",
        " -",
        words=(" 0", "(0", "-0"),
    ),
    # United States social security.
    figure_rule(
        rf"{_NOT_AFTER}(?P<number>\d{{3}}-\d{{2}}-\d{{4}})(?P<extension>){_NOT_BEFORE}", _phone, "-"
    ),
)
TELEPHONE_GUARD = r"\d{3}\)?[-. ]{1,2}\(?\d{2,4}|ISBN|ISSN|1[-. ]\(?8|\+\d"
DIALLED = (
    rule(
        rf"\b(?P<before>(?:call|calls|called|calling|phone|phoned|ring|rang|text|texted) )"
        rf"(?P<number>{_EMERGENCY})(?! ?[\w,.-]*\d)(?! [a-z]+s\b)",
        _dialled,
        DIGITS,
        words=("all", "hon", "ring ", "rang ", "text"),
        flags=re.IGNORECASE,
    ),
    rule(
        r"\b(?P<before>dial(?:s|ed|led|ing|ling)? )(?P<number>\d{1,7})(?![\w-]|[.,]\d)",
        _dialled,
        DIGITS,
        words=("ial",),
        flags=re.IGNORECASE,
    ),
    rule(
        r"(?P<before>)\b(?P<number>911|999)(?=(?:'s)? (?:call|calls|caller|callers|operator|"
        r"operators|"
        r"dispatcher|dispatchers|dispatch|line|"
        r"system|center|centre|tape|tapes)\b)",
        _dialled,
        words=("911", "999"),
    ),
    rule(
        r"\b(?P<before>(?:ending in|ends in|PIN(?: code| number)?(?: is)?|zip code(?: is)?|zip|"
        r"extension|ext\.|area code|passcode(?: is)?|password(?: is)?|account number(?: is)?|"
        r"serial number(?: is)?|badge number|box|box number|otp(?: is)?|ssn(?: is)?|code is) )"
        r"(?P<number>\d{3,20})(?![\w-]|[.,]\d)",
        _dialled,
        DIGITS,
        words=(
            "ending in ",
            "ends in ",
            "PIN",
            "zip",
            "ZIP",
            "xtension",
            "ext.",
            "area",
            "word",
            "number",
            "box",
            "Box",
            "code",
            "otp",
            "OTP",
            "ssn",
            "SSN",
        ),
        flags=re.IGNORECASE,
    ),
)
