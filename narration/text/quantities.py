"""Money, measures, percentages and the signs between numbers, as words."""

import re

from narration.text.numerals import cardinal, decimal

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_CURRENCIES = {
    "$": ("dollar", "cent"),
    "£": ("pound", "penny"),
    "€": ("euro", "cent"),
    "¥": ("yen", ""),
    "₹": ("rupee", "paisa"),
    "USD": ("dollar", "cent"),
    "EUR": ("euro", "cent"),
    "GBP": ("pound", "penny"),
}
_PLURALS = {"penny": "pence", "yen": "yen", "paisa": "paise", "foot": "feet", "inch": "inches"}
_SCALE = r"(?: ?(?P<scale>hundred|thousand|million|billion|trillion|bn|k|K|M)\b)?"
_SCALES = {"bn": "billion", "k": "thousand", "K": "thousand", "M": "million"}
_MONEY = re.compile(rf"(?:US|U\.S\.|C|A)?(?P<sign>[$£€¥₹]) ?(?P<number>{NUMBER}){_SCALE}")
_MONEY_SPAN = re.compile(
    rf"(?P<sign>[$£€¥])(?P<first>{NUMBER}) ?[-–] ?(?P=sign)?(?P<second>{NUMBER})(?![\w-])"
)
_SPAN = re.compile(rf"(?<=\d) ?[-–] ?(?=(?:{NUMBER}) ?(?:%|°|km\b|kg\b|cm\b|mm\b|mph\b|lbs?\b))")
# Pounds, shillings and pence, as every book before 1971 has them.
_OLD_MONEY = re.compile(
    r"£(?P<pounds>\d+) (?P<shillings>\d{1,2})s\.?(?: (?P<pence>\d{1,2})d\b\.?)?"
)
_CODED = re.compile(rf"(?<![\w.,])(?P<number>{NUMBER}){_SCALE} ?(?P<sign>USD|EUR|GBP|[€£])(?!\w)")
_CENTS = re.compile(r"(?<![\w.,])(?P<number>\d+) ?¢")

# (singular, plural or "" for the regular one)
_UNITS = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "m": "meter",
    "kg": "kilogram", "mg": "milligram", "g": "gram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "ft": "foot", "mi": "mile", "yd": "yard", "yds": "yard", "mph": "mile per hour",
    "km/h": "kilometer per hour", "kph": "kilometer per hour", "m/s": "meter per second",
    "°C": "degree Celsius", "°F": "degree Fahrenheit", "°": "degree",
    "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibel",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "kWh": "kilowatt hour", "V": "volt",
    "ml": "milliliter", "mL": "milliliter", "l": "liter", "L": "liter", "ms": "millisecond",
    "sec": "second", "secs": "second", "min": "minute", "mins": "minute", "hr": "hour",
    "hrs": "hour", "h": "hour", "s": "second", "kcal": "kilocalorie", "cal": "calorie",
    "sq ft": "square foot", "ha": "hectare", "rpm": "revolution per minute",
    "m squared": "square meter", "km squared": "square kilometer", "m cubed": "cubic meter",
    "cm cubed": "cubic centimeter",
}  # fmt: skip
_MEASURE = re.compile(
    rf"(?<![\w.,])(?P<number>{NUMBER})(?P<gap> ?|-)(?P<unit>"
    + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    + r")(?![\w'])(?P<stop>\.(?= [a-z]))?"
)
_PERCENT = re.compile(rf"(?<![\w.,])(?P<number>{NUMBER}) ?%")
_HEIGHT = re.compile(r"(?<![\w.,])(?P<feet>\d+)' ?(?P<inches>\d{1,2})\"")
_NUMBER_SIGN = re.compile(r"(?<!\w)#(?=\d)")
_ABOUT = re.compile(r"~ ?(?=[$£€]?\d)")
_BELOW_ZERO = re.compile(r"(?:(?<=^)|(?<=[\s(\"]))-(?=[$£€]?\.?\d)")
_TIMES = re.compile(r"(?<=\d) ?[×x] ?(?=\d)")
_BETWEEN = re.compile(r"(?<=\d)(?: ?(?P<tight>[+=×÷±])| (?P<loose>[-–/<>*])(?= )) ?(?=\d)")
_BETWEEN_WORDS = {
    "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus",
    "-": "minus", "–": "minus", "/": "divided by", "<": "is less than", ">": "is greater than",
    "*": "times",
}  # fmt: skip
_SIGNS = (
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\band/or\b"), "and or"),
    (re.compile(r" ?& ?"), " and "),
    (re.compile(r"#"), " hash "),
    (re.compile(r"§§? ?"), "section "),
    (re.compile(r"¶ ?"), "paragraph "),
    (re.compile(r" ?% ?"), " percent "),
    (re.compile(r" ?@ ?"), " at "),
    (re.compile(r" ?= ?"), " equals "),
    (re.compile(r" ?\+ ?"), " plus "),
    (re.compile(r" ?× ?"), " times "),
    (re.compile(r" ?÷ ?"), " divided by "),
    (re.compile(r" ?± ?"), " plus or minus "),
    (re.compile(r" ?° ?"), " degrees "),
    (re.compile(r" ?¢ ?"), " cents "),
    (re.compile(r" ?\$ ?"), " dollars "),
    (re.compile(r" ?£ ?"), " pounds "),
    (re.compile(r" ?€ ?"), " euros "),
    (re.compile(r" ?¥ ?"), " yen "),
)
_HAS_SIGN = re.compile(r"[&#§¶%@=+×÷±°¢$£€¥]|w/o|and/or")


def say_quantities(text: str) -> str:
    """Replace money, measures and percentages by their words; needs the digits still in place."""
    text = _ABOUT.sub("about ", text)
    text = _NUMBER_SIGN.sub("number ", text)
    text = _BELOW_ZERO.sub("minus ", text)
    text = _MONEY_SPAN.sub(r"\g<first> to \g<sign>\g<second>", text)
    text = _SPAN.sub(" to ", text)
    text = _MONEY.sub(_money, text)
    text = _CODED.sub(_money, text)
    text = _CENTS.sub(lambda m: _count(m["number"], "cent"), text)
    text = _HEIGHT.sub(lambda m: f"{_count(m['feet'], 'foot')} {_count(m['inches'], 'inch')}", text)
    text = _PERCENT.sub(lambda m: f"{decimal(m['number'])} percent", text)
    text = _MEASURE.sub(_measure, text)
    text = _TIMES.sub(" by ", text)
    return _BETWEEN.sub(lambda m: f" {_BETWEEN_WORDS[m['tight'] or m['loose']]} ", text)


def say_old_money(text: str) -> str:
    """Replace pounds, shillings and pence; runs before dates, to whom 10s is a decade."""
    return _OLD_MONEY.sub(_old_money, text) if "£" in text else text


def say_signs(text: str) -> str:
    """Replace signs that stand alone; runs last, after every rule that reads a sign with digits."""
    if not _HAS_SIGN.search(text):
        return text
    for pattern, words in _SIGNS:
        text = pattern.sub(words, text)
    return text


def _count(number: str, noun: str) -> str:
    if number == "1":
        return f"one {noun}"
    head, _, tail = noun.partition(" per ")
    if head in _PLURALS:
        plural = _PLURALS[head]
    elif head.startswith("degree"):
        plural = head.replace("degree", "degrees")
    elif head.endswith("foot"):
        plural = head.replace("foot", "feet")
    else:
        plural = head if head.endswith("hertz") else f"{head}s"
    return f"{decimal(number)} {plural}" + (f" per {tail}" if tail else "")


def _money(match: re.Match[str]) -> str:
    unit, small = _CURRENCIES[match["sign"]]
    if match["scale"]:
        scale = _SCALES.get(match["scale"], match["scale"])
        return f"{decimal(match['number'])} {scale} {_count('2', unit).partition(' ')[2]}"
    whole, _, fraction = match["number"].replace(",", "").partition(".")
    if len(fraction) != 2 or not small:
        return _count(match["number"], unit)
    parts = []
    if int(whole or "0"):
        parts.append(_count(whole, unit))
    if int(fraction):
        parts.append(_count(str(int(fraction)), small))
    return " and ".join(parts) or f"{cardinal('0')} {unit}s"


def _old_money(match: re.Match[str]) -> str:
    parts = [_count(match["pounds"], "pound"), _count(match["shillings"], "shilling")]
    if match["pence"]:
        parts.append(_count(match["pence"], "penny"))
    return " ".join(parts)


def _measure(match: re.Match[str]) -> str:
    noun = _UNITS[match["unit"]]
    if match["gap"] == "-":  # a 5-km run
        return f"{decimal(match['number'])} {noun}"
    return _count(match["number"], noun)
