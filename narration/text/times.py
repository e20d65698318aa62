"""Times of day and durations as words."""

import re

from narration.text.english import English
from narration.text.figures import text_before
from narration.text.numerals import cardinal, two_digits
from narration.text.rules import figure_rule

_HALF = r"[AaPp]\.? ?[Mm](?![A-Za-z](?!ST|DT|T\b))\.?"
_ZONE = (
    r"(?: ?\(?(?P<zone>(?:[ECMP][SD]T|GMT|UTC|BST|CES?T|IST|JST|AE[SD]T|[ecmp][sd]t|"
    r"[Ee]\.[Ss]\.[Tt])"
    r"(?![\w])\.?)\)?)?"
)
_HOUR = r"(?:[01]?\d|2[0-4])"
_CLOCK = r"(?:at|by|until|till|before|after|from|since|around|about)"
_CLOCK_BEFORE = re.compile(rf"\b{_CLOCK} \Z", re.IGNORECASE)
_REACH = 8
_NOON = 12


def _half(match: re.Match[str]) -> str:
    """Return the letters of a.m.; a full stop after it serves both."""
    letters = f"{match['half'][0].lower()}.m"
    is_stopped = match.string.startswith(".", match.end())  # "at 3 pm." already has its full stop
    return letters if is_stopped else f"{letters}."


def _zone(match: re.Match[str]) -> str:
    zone = match["zone"]
    return f" {' '.join(zone.replace('.', '').upper())}" if zone else ""


def _minutes(minute: str) -> str:
    return "" if minute == "00" else f" {two_digits(minute)}"


def _clock(match: re.Match[str], english: English) -> str:
    """Read a time of day: 3:05 pm, 15:45, 20:00."""
    hour, minute = int(match["hour"]), match["minute"]
    words = cardinal(str(hour)) + _minutes(minute)
    second = match.groupdict().get("second")
    is_whole = minute == "00"
    if is_whole and not match["half"] and not (second and int(second)):
        words += " o'clock" if 1 <= hour <= _NOON else " hundred hours"
    if second and int(second):
        words += " o'clock" if is_whole else ""
        words += f" and {_count(second, 'second', english)}"
    if match["half"]:
        return f"{words} {_half(match)}{_zone(match)}"
    return words + _zone(match)


def _long(match: re.Match[str], english: English) -> str:
    """Read hours, minutes and seconds: a time of day after "at", otherwise a duration."""
    if match["half"] or _CLOCK_BEFORE.search(text_before(match, _REACH)):
        return _clock(match, english)
    parts = [
        _count(match[unit], unit, english)
        for unit in ("hour", "minute", "second")
        if int(match[unit])
    ] or [_count("0", "second", english)]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def _count(figure: str, unit: str, english: English) -> str:
    number = str(int(figure))
    return f"{cardinal(number, english)} {unit}{'' if number == '1' else 's'}"


def _length(match: re.Match[str], english: English) -> str:
    """Read 1h 20m: after hours the m is not a metre and the s not a plural."""
    units = (("hours", "hour"), ("minutes", "minute"), ("seconds", "second"))
    return " ".join(_count(match[name], unit, english) for name, unit in units if match[name])


def _military(match: re.Match[str], _: English) -> str:
    hour, minute = match["hour"], match["minute"]
    words = two_digits(hour) if int(hour) else "zero"
    return f"{words}{' hundred' if minute == '00' else _minutes(minute)}{match['hours'] or ''}"


def _hour(match: re.Match[str], _: English) -> str:
    return f"{cardinal(str(int(match['hour'])))} {_half(match)}{_zone(match)}"


def _span(match: re.Match[str], _: English) -> str:
    return f"{match['first']} to "


_ENDS = r"(?:[ap]\.?m\b\.?|[AP]\.?M\b\.?)"
_MINUTES = r"(?P<minutes>[0-5]?\d) ?m(?:ins?)?(?!\w)"
_SECONDS = r" ?(?P<seconds>[0-5]?\d) ?s(?:ecs?)?(?!\w)"
LENGTHS = (
    figure_rule(
        rf"(?<![\w.,:])(?P<hours>\d{{1,3}}) ?h(?:rs?)? ?{_MINUTES}(?:{_SECONDS})?",
        _length,
        "h",
        "m",
    ),
    figure_rule(rf"(?<![\w.,:])(?P<hours>){_MINUTES}{_SECONDS}", _length, "m", "s"),
)
TIMES = (
    figure_rule(
        r"(?<![\w:.])(?P<hour>\d{1,2}):00(?= ?o'?clock\b)",
        lambda m, e: cardinal(str(int(m["hour"])), e),
        ":",
        words=("clock",),
    ),
    figure_rule(
        rf"(?P<first>(?<!\w)\d{{1,2}}(?:[:.][0-5]\d)? ?{_ENDS}|"
        rf"(?<![\d:])\d{{1,2}}:[0-5]\d) ?[-–] ?"
        rf"(?=\d{{1,2}}(?::[0-5]\d|(?:\.[0-5]\d)? ?{_ENDS}))",
        _span,
        "-–",
    ),
    figure_rule(
        r"(?P<first>(?<![\w.,:])(?:1[0-2]|[1-9])) ?[-–] ?(?=(?:1[0-2]|"
        rf"[1-9])(?::[0-5]\d)? ?{_ENDS})",
        _span,
        "-–",
        "Mm",
    ),
    figure_rule(
        rf"(?<![\d:.])(?P<hour>{_HOUR}):(?P<minute>[0-5]\d):(?P<second>[0-5]\d)(?![\d:])"
        rf"(?: ?(?P<half>{_HALF}))?{_ZONE}",
        _long,
        ":",
    ),
    figure_rule(
        r"(?<![\w:.])(?P<hour>[01]\d|2[0-4]):?(?P<minute>[0-5]\d)(?P<hours>(?: hours|"
        r"hrs?| hrs?)\b)",
        lambda m, e: _military(m, e).replace("hrs", "hours").replace(" hr", " hours"),
    ),
    figure_rule(
        r"(?<=\bat )(?P<hour>0\d)"
        r"(?P<minute>[0-5]\d)(?P<hours>)(?![\w:]|[.,]\d)",
        _military,
    ),
    figure_rule(
        rf"(?<![\d:.])(?P<hour>{_HOUR}):(?P<minute>[0-5]\d)(?![\d:]|"
        rf"-\d)(?: ?(?P<half>{_HALF}))?{_ZONE}",
        _clock,
        ":",
    ),
    figure_rule(
        r"(?<![\d:.,])(?P<hour>0?[1-9]|1\d|2[0-4])\.(?P<minute>[0-5]\d) ?"
        rf"(?P<half>{_HALF}){_ZONE}",
        _clock,
        ".",
    ),
    # British books: the 6.45 train, at 6.45 in the morning.
    figure_rule(
        r"(?:(?<=\b[Tt]he )|(?<=\b[Aa]t ))(?P<hour>1[0-2]|"
        r"[1-9])\.(?P<minute>[0-5]\d)(?P<half>)(?P<zone>)"
        r"(?= (?:train|express|bus|from|for|in the|this|that|to-?morrow|yesterday|sharp|precisely|"
        r"exactly|on)\b)",
        _clock,
        ".",
    ),
    figure_rule(
        rf"(?<![\d.,:])(?P<hour>0?[1-9]|1[0-2])(?P<minute>) ?(?P<half>{_HALF}){_ZONE}",
        _hour,
        "Mm",
    ),
)
