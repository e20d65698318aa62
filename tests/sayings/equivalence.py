"""When two sayings are the same to a listener.

Both are brought to one form, rule by rule; what remains different is counted as wrong. The rules:

- case, punctuation, hyphens, quotes and brackets are not heard;
- "and" inside a number or a sum of money may be left out, "oh" is zero, "negative" is minus;
- a number may be said whole, in pairs or digit by digit ("one twenty three"), but a year from 1100
  to 1999 must not be read as a count ("one thousand nine hundred five");
- letters may be spelled or written together ("p m", "PM", "p.m.");
- a day may come before or after its month, with or without "the" and "of";
- a two-digit year may be said with its century;
- the unit of a span may be said once; a fraction with "over" or with an ordinal;
- money may be said in units and cents or as a decimal; "US" before dollars may be left out;
- zero minutes and zero seconds of a time, and "o'clock" or "hours" on the hour, may be left out;
- the scheme and "www" of an address may be left out; "dash" is "hyphen", "hash" is "number";
- a hyphen that the reading leaves open between numbers may be said as "to", "minus" or "dash";
- British and American spellings, "Missus" and "Misses", "Miz" and "Miss" are one;
- words may be written together or apart, accents left out, ".5" said with or without "zero";
- a tag in angle brackets is for another program, not for a listener;
- a contraction is its long form.
"""

import re
import unicodedata

from tests.sayings.figures import join_numbers
from tests.sayings.suites import Case, Want

_ALIKE = {
    "misses": "missus", "misess": "missus", "mrs": "missus", "miz": "miss", "ms": "miss",
    "negative": "minus", "oh": "zero", "hyphen": "dash", "ampersand": "and", "asterisk": "times",
    "kilometres": "kilometers", "metres": "meters", "litres": "liters",
    "centimetres": "centimeters",
    "millimetres": "millimeters", "kilometre": "kilometer", "metre": "meter", "litre": "liter",
    "pound": "pounds", "number": "hash", "quarters": "quarter", "fourths": "quarter",
    "halves": "half",
    "shilling": "shillings", "colour": "color", "inch": "inches", "meter": "meters",
    "kilogram": "kilograms",
    "dollar": "dollars", "ounce": "ounces", "millimeter": "millimeters", "foot": "feet",
    "degree": "degrees", "junior": "jr", "senior": "sr", "doctor": "dr", "mister": "mr",
    "inc": "incorporated", "messrs": "messieurs", "hon": "honorable", "rev": "reverend",
    "drs": "doctors", "co": "company", "esq": "esquire", "maj": "major", "gen": "general",
    "lt": "lieutenant", "col": "colonel", "capt": "captain", "prof": "professor",
    "corp": "corporation",
    "sgt": "sergeant", "gov": "governor", "sen": "senator", "rep": "representative",
    "ltd": "limited",
    "bros": "brothers", "cap": "chapter", "etc": "et cetera", "no": "no", "hours": "hour",
    "minutes": "minute",
    "seconds": "second", "th": "", "st": "saint", "jpeg": "jpg",
}  # fmt: skip
_MONTHS = (
    "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_MONEY = "dollars|pounds|euros|yen|won|rupees"
_REWRITES = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"\b(\w+) n't\b|\b(\w+)n't\b", r"\1\2 not"),
        (r"\bhow\s?re\b|\bhow're\b", "how are"),
        (r"\bwhat\s?re\b|\bwhat're\b", "what are"),
        (r"\byoure\b", "you are"), (r"\btheyre\b", "they are"),
        (r"\b(\w+)'re\b", r"\1 are"), (r"\b(\w+)'ve\b", r"\1 have"), (r"\b(\w+)'ll\b", r"\1 will"),
        (r"\b(\w+)'m\b", r"\1 am"), (r"\b(i|you|he|she|it|we|they) (?:had|would)\b", r"\1'd"),
        (r"\b(he|she|it|that|there|who|what) (?:is|has)\b", r"\1's"),
        (r"\bquestion-mark\b", "question mark"), (r"\bforward slash\b", "slash"),
        (r"\bhttps? (?:colon )?(?:slash slash )?(?=www|\w)", " "), (r"\bwww dot\b|\bwww\b", " "),
        (r"\bo'? ?clock\b", " "), (r"\b(\d+)00 hour\b", r"\1 "), (r"\b0 point\b", "point"),
        (r"\b(\d+) hour (?=and \d+ second [ap] ?m)", r"\1 "),
        (r"\b(?:zero|0) minute and (?:zero|0) second\b|\b(?:zero|0) (?:minute|second)\b", " "),
        (r"\b(\d+) hour(?= [ap]m\b)", r"\1"),
        (rf"\b({_MONTHS}) (\d+th) and (\d+)(?!th|\d)", r"\1 \2 and \3th"),
        (r"(?<=th )c (?=\d)", "chapter "), (r"(?<=\d )s (?=\d)", "section "),
        (rf"\b(?:the )?(\d+th) and (?:the )?(\d+th) of ({_MONTHS})\b", r"\3 \1 and \2"),
        (rf"\bthe (\d+th) (?:of )?({_MONTHS})\b", r"\2 \1"),
        (rf"\b(\d+th) (?:of )?({_MONTHS})\b", r"\2 \1"),
        (rf"\b({_MONTHS}) the (\d+th)\b", r"\1 \2"),
        (rf"\b(\d+)#(?= (?:{_MONEY})\b)", r"\1"),
        (r"(?<!\bin )(?<!\bof )(?<!\bby )(?<!th )(?<!since )(?<!until )(?<!year )\b(\d+)#", r"\1"),
        (rf"\b({_MONTHS} \d+th) (?:19|20)(\d\d)\b", r"\1 \2"),
        (rf"\b(?:us|u s) ({_MONEY})\b", r"\1"),
        (r"\b(\d+) over (\d+)\b", r"\1\2th"), (r"(?<=\dth)s\b", ""),
        (rf"\b(\d[\d.]*) ({_MONEY}) to (?=\d[\d.]* \2)", r"\1 to "),
        (r"\b(?:the )?(\d)th half of (\d+)", r"\1 h \2"),
        (r"\b(?:the )?(\d)(?:th)? quarter of (\d+)\b", r"\1 q \2"),
        (r"\b(\d+) 4th\b", r"\1 quarter"), (r"\bper mo\b", "per month"),
        (r"\b1 half\b|\ba half\b", "half"), (r"\b1 quarter\b|\ba quarter\b", "quarter"),
        (r"\bthe (\d+th)$", r"\1"), (r"\b([a-z]+) the (\d+th)\b", r"\1 \2"),
        (r"\bpoint (\d+) (thousand|million)", r"point \1 \2"),
    )
)  # fmt: skip
# "January twenty twelve" has no day, "January twenty nineteen sixty" has one.
_REST_OF_YEAR = (
    r" (?:ten|eleven|twelve|\w+teen|twenty|thirty|forty|zero)\b(?! (?:\w+ty|hundred|zero)\b)"
)
_DAY = re.compile(
    rf"\b({_MONTHS}) ((?:twenty|thirty)(?: (?:{_ONES}))|twenty(?!{_REST_OF_YEAR})|thirty"
    rf"|{_ONES}|ten|\w+teen|eleven|twelve)\b"
    r"(?! (?:hundred|thousand|million|point|first|second|third|\w+th)\b)"
)
_SUM = re.compile(
    rf"(?:(?P<whole>\b\d+) |(?<!\S))(?:point (?P<point>\d+) )?(?P<unit>{_MONEY})\b"
    r"(?: (?:and )?(?P<cents>\d{1,2}) (?:cents?|pence|penny)\b)?"
)
_WHOLES = {"cents": "dollars", "cent": "dollars", "pence": "pounds", "penny": "pounds"}
_CENTS = re.compile(
    r"(?<!dollars )(?<!pounds )(?<!and )\b(?P<cents>\d{1,2}) (?P<unit>cents?|pence|penny)\b"
)
_OPEN_HYPHEN = re.compile(r"(?<=\w)\s*[-\u2013]\s*(?=\w)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_NOT_HEARD = re.compile(r"[^\w\s'.]|_|(?<!\w)'|'(?!\w)|\.(?!\w)|(?<!\w)\.")
_LETTERS = re.compile(r"(?<![^\s])(?:[a-z] )+[a-z](?![^\s])")
_AND = re.compile(
    r"(?<=\d) and (?=\d)|(?<=dollars) and (?=\d)|(?<=pounds) and (?=\d)|(?<=euros) and (?=\d)"
)


def is_same(reading: str, said: str) -> bool:
    """Return whether a saying is one of the ways to say a reading."""
    heard = _joined(said)
    return any(_joined(form) == heard for form in _open_forms(reading))


def is_acceptable(case: Case, said: str) -> bool:
    """Return whether a saying meets the expectation of a suite."""
    if case.want is Want.LACKS:
        return case.readings[0].lower() not in said.lower()
    match = is_same if case.want is Want.EQUAL else contains
    return any(match(reading, said) for reading in case.readings)


def contains(reading: str, said: str) -> bool:
    """Return whether a saying contains the words of a reading, spoken or as written."""
    return reading in said.lower() or f" {plain(reading)} " in f" {plain(said)} "


def _joined(text: str) -> str:
    return plain(text).replace(" ", "")


def plain(text: str) -> str:
    """Normalise a saying for comparison."""
    text = unicodedata.normalize("NFKD", _TAG.sub(" ", text))
    text = (
        "".join(c for c in text if not unicodedata.combining(c))
        .lower()
        .replace("\u2019", "'")
        .replace("`", "'")
    )
    text = re.sub(r"\b([a-z])\.(?=[a-z]\.?\b)", r"\1 ", text)
    text = re.sub(r"(?<=[a-z])\.(?=\s|$|[,;)\"'])", " ", text)
    text = _NOT_HEARD.sub(" ", text.replace("-", " "))
    words = [_ALIKE.get(word, word) for word in text.split()]
    text = join_numbers(_DAY.sub(_day, " ".join(word for word in words if word)))
    for _ in range(3):
        text = _AND.sub(" ", text)
        for pattern, said in _REWRITES:
            text = pattern.sub(said, text)
        text = _SUM.sub(_sum, _CENTS.sub(_cents, text))
        text = " ".join(text.split())
    return _LETTERS.sub(lambda m: m[0].replace(" ", ""), text)


def _sum(match: re.Match[str]) -> str:
    """Write money as a decimal without idle zeros, however it was said."""
    cents = match["cents"].zfill(2) if match["cents"] else match["point"] or ""
    return f"{match['whole']}.{cents.rstrip('0')} {match['unit']}".replace(". ", " ")


def _cents(match: re.Match[str]) -> str:
    return f"point {match['cents'].zfill(2)} {_WHOLES[match['unit']]}"


def _day(match: re.Match[str]) -> str:
    return f"{match[1]} {join_numbers(match[2])}th"


def _open_forms(reading: str) -> list[str]:
    """Return the possible readings of hyphens that a suite leaves open."""
    forms = [reading]
    if _OPEN_HYPHEN.search(reading):
        forms += [
            _OPEN_HYPHEN.sub(f" {word} ", reading) for word in ("to", "minus", "dash", "slash")
        ]
    if "/" in reading:
        forms += [reading.replace("/", " slash "), reading.replace("/", " ")]
    return forms
