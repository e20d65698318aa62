"""Years, decades and centuries in figures, distinguished from counts by the words around them."""

import re

from narration.text.english import English
from narration.text.figures import text_before
from narration.text.numerals import cardinal, plural, two_digits, year
from narration.text.rules import DIGITS, figure_rule, rule

_VERBS = frozenset(
    {"was", "is", "has", "does", "his", "its", "this", "as", "us", "always", "across", "besides",
     "perhaps", "sometimes", "thus", "whereas", "towards", "afterwards", "less", "plus", "minus"}
)  # fmt: skip
# Countable, although not ending in s.
_COUNTED = frozenset(
    {"people", "men", "women", "children", "feet", "sheep", "cattle", "horse", "foot", "troops",
     "dead", "wounded", "prisoners", "head", "more", "other", "percent", "fish", "hundred",
     "thousand", "million", "square", "cubic", "different", "acre", "mile", "calorie"}
)  # fmt: skip
_ERA = r"(?:A\.?D|B\.?C|B\.?C\.?E|C\.?E)\b"
# Countable even after "in" or "by": "won by 1200 votes", "in 1500 cases".
_MEASURED = frozenset(
    {"votes", "feet", "miles", "yards", "meters", "metres", "men", "people", "dollars", "pounds",
     "percent", "points", "cases", "ways", "words", "pages", "copies", "tons", "acres", "days",
     "hours", "minutes", "seconds", "steps", "troops", "square", "cubic", "million", "thousand"}
)  # fmt: skip
# What must come before a number to make it a year if few numbers of its size are years.
_AFTER_YEAR_WORD = re.compile(
    r"\b(?:in|since|until|till|by|year|circa|during|early|late|mid|of|spring|summer|autumn|winter|"
    r"before|after)(?: the year)? \Z",
    re.IGNORECASE,
)
_AFTER_IN = re.compile(
    r"\b(?:in|by|since|until|till|year|circa|during)(?: the year)? \Z", re.IGNORECASE
)
_AFTER_THE = re.compile(
    r"\b(?:the|this|that|his|her|their|its|our|your|my|[Aa])(?: [a-z-]+)? \Z", re.IGNORECASE
)
_AFTER_SPAN = re.compile(
    r"\b(?:(?:from|between|since|about) [12]\d{3} (?:to|and|until|till|or) (?:about )?|"
    r"(?:from|between|since) )\Z",
    re.IGNORECASE,
)
_REACH = 24


def _lone_year(match: re.Match[str], english: English) -> str:
    digits, following = match["year"], (match["next"] or "").strip()
    words = (
        year(digits, english) if _is_year(match, digits, following) else cardinal(digits, english)
    )
    return f"{words}{match['next'] or ''}"


def _is_year(match: re.Match[str], digits: str, following: str) -> bool:
    """Distinguish a year from a count: "in 1023", "the 1848 revolutions", but "1200 soldiers"."""
    before = text_before(match, _REACH)
    if match["era"] is not None:
        return True
    is_plural = following.endswith("s") and following not in _VERBS and len(following) > 2
    is_counted = is_plural or following in _COUNTED
    if digits >= "2100" or digits < "1100":  # years in this range are less common than counts
        return not is_counted and bool(_AFTER_YEAR_WORD.search(before))
    if not is_counted:
        return True
    if _AFTER_IN.search(before) or _AFTER_SPAN.search(before):
        return following not in _MEASURED
    # "the 1200 soldiers" are a count, "the 1987 crashes" a year: years are rarely round.
    return is_plural and digits[2:] != "00" and bool(_AFTER_THE.search(before))


def _any_year(match: re.Match[str], english: English) -> str:
    return year(match["year"], english)


def _decade(match: re.Match[str], _: English) -> str:
    century, tens = match["century"] or "", match["tens"]
    if tens == "00":
        if not century:
            return match[0]
        return "two thousands" if century == "20" else f"{cardinal(century)} hundreds"
    words = plural(cardinal(tens))
    return f"{cardinal(century)} {words}" if century else words


def _decade_span(match: re.Match[str], _: English) -> str:
    return f"{match['first']} to {match['century'] or ''}{match['tens']}s"


def _year_span(match: re.Match[str], english: English) -> str:
    first, second = match["a"], match["b"]
    if len(second) <= 2:
        if int(second) <= int(first[-len(second) :]):
            return match[0]
        if len(second) == 1:
            return f"{year(first, english)} to {cardinal(second)}"
        return f"{year(first, english)} to {two_digits(second)}"
    if int(second) <= int(first):
        return match[0]
    return f"{year(first, english)} to {year(second, english)}"


def _short_year(match: re.Match[str], _: English) -> str:
    return two_digits(match["year"])


YEARS = (
    rule(
        r"(?P<first>(?:\b(?:1\d|20)|"
        r"')?\d0'?s) ?[-–] ?'?(?P<century>1\d|20)?(?P<tens>\d0)'?s\b",
        _decade_span,
        DIGITS,
        "-–",
    ),
    rule(r"'(?P<century>)(?P<tens>\d0)'?s\b", _decade, DIGITS, "s", "'"),
    figure_rule(r"(?<![\w.,$£€])(?P<century>1\d|20)?(?P<tens>\d0)'?s\b", _decade, "s"),
    figure_rule(
        r"(?<![\w.,$£€])(?P<century>[5-9])(?P<tens>00)'?s\b",
        lambda m, _: f"{cardinal(m['century'])} hundreds",
        "s",
    ),
    figure_rule(
        r"(?<![\w.,/-])(?P<a>1\d{3}|20\d{2}|21\d{2})(?: ?[-–—] ?|/)(?P<b>(?:1\d{3}|"
        r"20\d{2}|21\d{2}|\d{1,2}))\b"
        r"(?![-\d]|[.,]\d| ?[=×*/+])",
        _year_span,
        "-–—/",
    ),
    rule(r"(?<![\w.])'(?P<year>\d\d)(?![\w']|\.\d)", _short_year, DIGITS, "'"),
    figure_rule(r"(?<=\byear )(?P<year>[1-9]\d{3})\b(?!,\d|\.\d)", _any_year),
    figure_rule(
        r"(?:(?<=\bpre-)|(?<=\bpost-)|(?<=\bmid-)|(?<=\bPre-)|(?<=\bPost-)|(?<=\bnon-)|"
        r"(?<=\bearly-)"
        r"|(?<=\blate-))(?P<year>1\d{3}|20\d{2})(?![\w,]|\.\d)",
        _any_year,
        "-",
    ),
    figure_rule(
        r"(?<![\w.$£€¥#/+–=×*-])(?<!\d,)(?<!\d / )(?P<year>[12]\d{3})\b(?![.,]\d| ?[/%°:×]|"
        r" ?[-–+=*] ?\d|-[a-z])"
        rf"(?P<next> [a-z]++)?(?P<era>(?= ?{_ERA}))?",
        _lone_year,
    ),
)
