"""Numbers that are dialled or copied, not counted: telephone numbers, ISBNs, cards, codes."""

import re
from functools import partial

from narration.text.english import English
from narration.text.figures import text_before
from narration.text.numerals import cardinal, spell_digits
from narration.text.rules import DIGITS, figure_rule, in_any_case, rule

_TOLL_FREE = "800|888|877|866|855|844|833|822"
_EMERGENCY = "911|999|112|111|000|311|411|511|611|711|811|988|101|110|119"
_CALL_BEFORE = re.compile(
    r"\b(?:call|calls|called|calling|phone|phoned|ring|rang|text|texted) \Z", re.IGNORECASE
)
_DIAL_BEFORE = re.compile(r"\bdial(?:s|ed|led|ing|ling)? \Z", re.IGNORECASE)
_CODE_BEFORE = re.compile(
    r"\b(?:ending in|ends in|PIN(?: code| number)?(?: is)?|zip code(?: is)?|zip|extension|ext\.|"
    r"area code|passcode(?: is)?|password(?: is)?|account number(?: is)?|serial number(?: is)?|"
    r"badge number|box|box number|otp(?: is)?|ssn(?: is)?|code is) \Z",
    re.IGNORECASE,
)
# Words that a text with such a number contains; searching for plain words is faster.
_CALL_WORDS = in_any_case(
    "call ", "calls ", "called ", "calling ", "phone", "ring ", "rang ", "text"
)
_DIAL_WORDS = in_any_case("dial")
_CODE_WORDS = in_any_case(
    "ending in ", "ends in ", "pin", "zip", "ext", "code", "word", "number ", "box ", "otp", "ssn"
)
_REACH = 24  # characters before a figure that show that it is dialled
_GROUP = re.compile(r"\d+|[A-Z]+")
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension) ?(?P<extension>\d{1,6}))?"
_NOT_AFTER = r"(?<![\w.$£€-])(?<!\d[,/])"
_NOT_BEFORE = r"(?![\w-]|[.,/]\d)"


def _groups(text: str) -> str:
    """Read groups of digits one by one, with a pause after each."""
    return ", ".join(spell_digits(group) for group in re.findall(r"\d+", text))


def _phone(match: re.Match[str], _: English) -> str:
    words = _groups(match["number"])
    if match["number"].startswith("+"):
        words = f"plus {words}"
    extension = match["extension"]
    return f"{words}, extension {spell_digits(extension)}" if extension else words


def _card(match: re.Match[str], _: English) -> str:
    """Read the number of a card, but not four consecutive years."""
    groups = re.split("[ -]", match["number"])
    return match[0] if all(_YEAR.fullmatch(g) for g in groups) else _groups(match["number"])


def _toll_free(match: re.Match[str], _: English) -> str:
    rest = match["rest"]
    words = (
        ", ".join(spell_digits(g) for g in re.findall(r"\d+", rest))
        if not re.search("[A-Z]", rest)
        else " ".join(cardinal(g) if g.isdigit() else g for g in _GROUP.findall(rest))
    )
    area = match["area"]
    spoken_area = f"{cardinal(area[0])} hundred" if area == "800" else spell_digits(area)
    return f"{'plus ' if match['plus'] else ''}one, {spoken_area}, {words}"


def _dialled(before: re.Pattern[str], match: re.Match[str], _: English) -> str:
    """Read digits one by one, if the text before them calls for it."""
    is_dialled = before.search(text_before(match, _REACH)) is not None
    return spell_digits(match["number"]) if is_dialled else match[0]


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
        r"(?<![\w.-])(?P<number>\+\d{1,3}(?:[ .-]?\(\d{1,5}\))?(?:[ .-]\d{2,8}){2,5})(?![\w-]|"
        r"[.,]\d)"
        rf"{_EXTENSION}",
        _phone,
        "+",
        DIGITS,
    ),
    # The same with a dialled prefix: 0044 161 496 0018.
    figure_rule(
        rf"{_NOT_AFTER}(?P<number>00[1-9]\d{{0,2}}(?: \d{{2,8}}){{2,5}}){_NOT_BEFORE}{_EXTENSION}",
        _phone,
        " ",
        words=("00",),
    ),
    # Cards: four times four, or American Express.
    figure_rule(
        rf"{_NOT_AFTER}(?P<number>\d{{4}}(?P<gap>[ -])(?:\d{{4}}(?P=gap)\d{{4}}(?P=gap)\d{{4}}|"
        rf"\d{{6}}(?P=gap)\d{{5}})){_NOT_BEFORE}",
        _card,
        " -",
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
    # British notation: 0161 496 0018, 020 7946 0958.
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
TELEPHONE_GUARD = (
    r"[\dI+](?:(?<=\d)\d\d\)?[-. ]{1,2}\(?\d{2,4}|(?<=I)S[BS]N|(?<=1)[-. ]\(?8|(?<=\+)\d)"
)

DIALLED = (
    figure_rule(
        rf"(?<![\w.])(?P<number>{_EMERGENCY})(?! ?[\w,.-]*\d)(?! [a-z]+s\b)",
        partial(_dialled, _CALL_BEFORE),
        words=_CALL_WORDS,
    ),
    figure_rule(
        r"(?<![\w.])(?P<number>\d{1,7})(?![\w-]|[.,]\d)",
        partial(_dialled, _DIAL_BEFORE),
        words=_DIAL_WORDS,
    ),
    figure_rule(
        r"(?<![\w.])(?P<number>911|999)(?=(?:'s)? (?:call|calls|caller|callers|operator|"
        r"operators|dispatcher|dispatchers|dispatch|line|system|center|centre|tape|tapes)\b)",
        lambda m, _: spell_digits(m["number"]),
        words=("911", "999"),
    ),
    figure_rule(
        r"(?<![\w.])(?P<number>\d{3,20})(?![\w-]|[.,]\d)",
        partial(_dialled, _CODE_BEFORE),
        words=_CODE_WORDS,
    ),
)
