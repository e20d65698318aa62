"""Number words -> figures, so that "one twenty three" and "one hundred twenty-three" are one."""

_UNITS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "quadrillion": 10**15, "quintillion": 10**18,
}  # fmt: skip
_ORDINALS = {
    "zeroth": "zero", "first": "one", "second": "two", "third": "three", "fifth": "five",
    "eighth": "eight", "ninth": "nine", "twelfth": "twelve",
}  # fmt: skip
_LEAST_COUNT = 1100  # a year said as "one thousand nine hundred five" keeps a mark


def join_numbers(text: str) -> str:
    """Replace every run of number words by its digits; an ordinal keeps a "th"."""
    out: list[str] = []
    run: list[str] = []
    for word in [*text.split(), ""]:
        cardinal, is_ordinal = _cardinal(word)
        if word == "second" and (run[-1] in _TENS if run else out[-1:] != ["and"]):
            cardinal, is_ordinal = "two", True
        is_joint = word == "and" and bool(run) and run[-1] in {"hundred", "thousand"}
        if cardinal or is_joint:
            run += [cardinal] if cardinal else []
            if not is_ordinal:
                continue
        if run:
            out.append(_digits(run) + ("th" if cardinal and is_ordinal else ""))
            run = []
        if not cardinal and not is_joint and word:
            out.append(word)
    return " ".join(out)


def _cardinal(word: str) -> tuple[str, bool]:
    """Find the number that a word says, and whether it is an ordinal."""
    if word in _UNITS or word in _TENS or word in _SCALES or word == "hundred":
        return word, False
    if word in _ORDINALS and word != "second":
        return _ORDINALS[word], True
    if word.endswith("ieth") and f"{word[:-4]}y" in _TENS:
        return f"{word[:-4]}y", True
    if word.endswith("ths"):
        return _cardinal(word[:-1])
    if word.endswith("th") and _cardinal(word[:-2])[0] == word[:-2]:
        return word[:-2], True
    return "", False


def _digits(run: list[str]) -> str:
    """Return a run's value; words that do not form one number are written one after the other."""
    written, value, group, last = "", 0, 0, ""
    has_value = False
    for word in run:
        if word in _SCALES:
            value += max(group, 0 if value else 1) * _SCALES[word]
            group, last = 0, word
        elif word == "hundred":
            group, last = (group or 1) * 100, word
        else:
            number = _UNITS.get(word, _TENS.get(word, 0))
            if word == "zero" and last == "hundred":
                continue  # nineteen hundred oh five
            fits = (
                not has_value
                or last in _SCALES
                or last == "hundred"
                or (last in _TENS and 0 < number < 10)
            )
            if not fits:
                written += _close(value, group, run)
                value = group = 0
            group += number
            last = word
        has_value = True
    return written + _close(value, group, run)


def _close(value: int, group: int, run: list[str]) -> str:
    total = value + group
    is_counted_year = _LEAST_COUNT <= total < 2000 and run[:2] == ["one", "thousand"]
    return f"{total}{'#' if is_counted_year and len(run) > 2 else ''}"
