"""Serial and model numbers as words: mixed letters and figures, versions, plurals."""

import re

from narration.text.english import English
from narration.text.numerals import cardinal, decimal, in_pairs, plural, spell_digits
from narration.text.rules import DIGITS, figure_rule, rule

# Before a number of three or four figures that is read in pairs.
_NAMED = (
    "Boeing|Airbus|Flight|flight|Highway|highway|Route|route|Interstate|Room|room|Porsche|Peugeot|"
    "Douglas|Suite|Apartment|Bus|bus|Train|train|Channel|channel|Cessna|Concorde|Mercedes|BMW|"
    "Studio|Gate|gate|Locker|locker|Cell|cell|Ward|ward"
)
_NAME_BEFORE = re.compile(rf"\b(?:{_NAMED}) ([A-Z]?)-?\Z")
_REACH = 16
_RUN = re.compile(r"\d+|[^\W\d]+")


def _figures(digits: str) -> str:
    return in_pairs(digits) if len(digits) <= 4 else spell_digits(digits)


def _serial(match: re.Match[str], _: English) -> str:
    """Read K7L8M9 as letters and small numbers; a final s after a figure is a plural."""
    word = match[0]
    is_plural = word[-1] == "s" and word[-2].isdigit() and not word[:-1].isdigit()
    runs = _RUN.findall(word[:-1] if is_plural else word)
    words = [_figures(run) if run.isdigit() else run for run in runs]
    if is_plural:
        words[-1] = plural(words[-1])
    return " ".join(words)


def _plan(match: re.Match[str], _: English) -> str:
    """Read 401(k) and 501(c)(3)."""
    tail = f" {cardinal(match['tail'])}" if match["tail"] else ""
    return f"{in_pairs(match['number'])} {match['letter']}{tail}"


def _named(match: re.Match[str], _: English) -> str:
    """Read the number of an aeroplane, a road or a room in pairs."""
    before = _NAME_BEFORE.search(match.string, max(0, match.start() - _REACH), match.start())
    if before is None:
        return match[0]
    tail = f" {in_pairs(match['tail'])}" if match["tail"] else ""
    words = f"{' ' if before[1] else ''}{in_pairs(match['number'])}{tail}"
    return plural(words) if match["s"] else words


def _plain_pairs(match: re.Match[str], _: English) -> str:
    return in_pairs(match["number"])


def _plural(match: re.Match[str], _: English) -> str:
    return plural(_figures(match["number"]))


def _crowd(match: re.Match[str], _: English) -> str:
    """Read 100s of books and 10,000s: hundreds, tens of thousands."""
    thousands, zeros = divmod(len((match["number"] or match["grouped"]).replace(",", "")) - 1, 3)
    scale = ("", "thousands", "millions", "billions")[thousands]
    parts = (("", "tens", "hundreds")[zeros], scale)
    return " of ".join(part for part in parts if part)


def _version(match: re.Match[str], _: English) -> str:
    return " point ".join(map(cardinal, match[0].split(".")))


def _chain(match: re.Match[str], _: English) -> str:
    """Read 4-4-2 and 12-34-56 as groups, not as a sum or a range."""
    groups = re.findall(r"\d+", match[0])
    joint = " " if all(len(group) == 1 for group in groups) else ", "
    return joint.join(_figures(group) for group in groups)


_BOOK_SIZES = {"4to": "quarto", "8vo": "octavo", "12mo": "duodecimo", "16mo": "sextodecimo",
               "18mo": "octodecimo", "24mo": "vicesimo-quarto"}  # fmt: skip
_GUN = (
    r"(?=[- ](?:[Cc]al(?:iber|ibre)?\b|pistol|revolver|rifle|automatic|[Mm]agnum|Colt|"
    r"Smith|Winchester|"
    r"gun|handgun|bullet|shell|slug|round|Special))"
)
# Before decades, which would take 1000s, and before ranges, which would take 737-800.
PLANES_AND_CROWDS = (
    figure_rule(
        r"(?P<number>\d{3,4})-(?P<tail>\d{2,3})(?P<s>s)?(?![\w-]|[.,]\d)",
        _named,
        "-",
        words=("Boeing", "Airbus", "Douglas"),
    ),
    figure_rule(
        r"(?<![\w.,$£€–-])(?<!\bpages )(?<!\bpp\. )(?P<number>7[0-8]7)-(?P<tail>[1-9]00)"
        r"(?![\w-]|[.,]\d)",
        lambda m, _: f"{in_pairs(m['number'])} {in_pairs(m['tail'])}",
        "-",
        "7",
    ),
    figure_rule(
        r"(?<![\w.,$£€-])(?P<number>1,?0{1,3}(?:,?000){0,2})'?s(?= of\b)|"
        r"(?<![\w.,$£€-])(?P<grouped>10{0,2}(?:,000){1,2})'?s\b",
        _crowd,
        "s",
        "0",
    ),
)
CALIBERS = (
    figure_rule(rf"\.(?P<number>\d{{2,3}}){_GUN}", _plain_pairs, "."),
    figure_rule(
        r"(?<=\b[Aa] )\.(?P<number>22|25|32|38|357|40|44|45|50)(?![\w%]| ?%)(?! (?:percent|"
        r"inch|mile|meter|second|point))",
        _plain_pairs,
        ".",
    ),
)
CODES = (
    figure_rule(
        r"(?<![\w.,])(?P<number>\d{3})\((?P<letter>[a-z])\)(?:\((?P<tail>\d{1,2})\))?", _plan, "("
    ),
    figure_rule(r"(?P<number>\d{3,4})(?:-(?P<tail>\d{2,3}))?(?P<s>s)?(?![\w-]|[.,]\d)", _named),
    figure_rule(r"(?<=[^\W\d_])\d+\.\d", lambda m, _: f" {m[0]}", "."),  # v2.0
    figure_rule(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\w,])", _version, "."),
    figure_rule(r"(?<![\w.,-])\d{1,6}(?:-\d{1,6}){2,12}(?![\w-]|[.,]\d)", _chain, "-"),
    figure_rule(r"(?<![\w.,$£€])(?P<number>\d{1,9})'?s\b", _plural, "s"),
)
# The figures left after all other rules: they are part of words with letters.
SERIALS = (
    figure_rule(
        r"(?<!\w)(?:4to|8vo|12mo|16mo|18mo|24mo)(?!\w)", lambda m, _: _BOOK_SIZES[m[0]], "o"
    ),
    figure_rule(
        r"(?<![\w.,])(?P<number>\d+\.\d+)(?P<letters>[A-Za-z]{1,3})(?!\w)",
        lambda m, e: f"{decimal(m['number'], e)} {m['letters']}",
        ".",
    ),
    rule(r"(?<!\w)[A-Za-z\d]*(?:[A-Za-z]\d|\d[A-Za-z])[A-Za-z\d]*(?!\w)", _serial, DIGITS),
)
